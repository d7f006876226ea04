import { Group, List, Paper, Skeleton, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useLocation } from "@tanstack/react-router";
import { useDeferredValue, useEffect, useState } from "react";
import type { Schemas } from "../../api/client";
import { rulesQuery } from "../../api/fleet";
import { ConfidenceBadge, SeverityBadge, Tag } from "../../components/Badges";
import { ProblemView } from "../../components/ProblemView";
import { useTitle } from "../../components/title";

type Rule = Schemas["Rule"];

export function Rules() {
  useTitle("Rules");
  const query = useQuery(rulesQuery);
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search.trim().toLowerCase());
  const { hash } = useLocation();
  const loaded = query.data !== undefined;
  useEffect(() => {
    if (loaded && hash !== "") {
      document.getElementById(hash)?.scrollIntoView();
    }
  }, [loaded, hash]);
  const shown = query.data?.items.filter((r) => matches(r, wanted)) ?? [];
  return (
    <Stack gap="sm">
      <Title order={1}>Rules</Title>
      <Text size="sm" c="dimmed">
        What each rule asks, why, and what it rests on: stated by the vendor, or inferred by us.
      </Text>
      <TextInput
        aria-label="Search"
        placeholder="Search, for example ZooKeeper or COL-"
        value={search}
        onChange={(e) => setSearch(e.currentTarget.value)}
        maw={480}
        className="no-print"
      />
      {query.isPending && <Skeleton height={600} aria-label="Loading the rules" />}
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.data && (
        <Text size="sm" role="status">
          <b>{shown.length}</b> of <b>{query.data.total}</b> rules
        </Text>
      )}
      {shown.map((r) => (
        <RuleView key={r.id} rule={r} named={r.id === hash} />
      ))}
      {query.data && shown.length === 0 && <Text>No rule has these words.</Text>}
    </Stack>
  );
}

/** A rule is found by any of its words; all words that are asked for must be there. */
export function matches(r: Rule, wanted: string): boolean {
  const text = `${r.id} ${r.title} ${r.topic} ${r.why} ${r.remedy} ${r.severity} ${r.confidence}`.toLowerCase();
  return wanted.split(/\s+/).every((word) => text.includes(word));
}

export function versionsText(v: Rule["versions"]): string {
  return [v?.from && `from ThingWorx ${v.from}`, v?.before && `before ThingWorx ${v.before}`]
    .filter(Boolean)
    .join(", ");
}

function RuleView({ rule: r, named }: { rule: Rule; named: boolean }) {
  const limits = versionsText(r.versions);
  return (
    <Paper
      withBorder
      p="sm"
      id={r.id}
      component="section"
      aria-labelledby={`title-${r.id}`}
      style={{ scrollMarginTop: 60, borderColor: named ? "var(--mantine-primary-color-filled)" : undefined }}
    >
      <Group gap="xs" mb={4}>
        <Title order={2} size="h3" id={`title-${r.id}`}>
          {r.id} {r.title}
        </Title>
        {(r.severities ?? [r.severity]).map((s) => (
          <SeverityBadge key={s} severity={s} />
        ))}
        <ConfidenceBadge confidence={r.confidence} />
        <Tag title="What the rule judges">{r.scope}</Tag>
        <Link to="/findings" search={{ filter: `rule=${r.id}` }} className="no-print">
          <Text span size="xs">
            Findings
          </Text>
        </Link>
      </Group>
      <Stack gap={4} maw={1000}>
        <Text size="sm">{r.why}</Text>
        <Text size="sm">
          <b>Do:</b> {r.remedy}
        </Text>
        <Text size="xs" c="dimmed">
          {r.basis} {r.reference}
          {limits !== "" && ` Applies ${limits}.`}
          {r.grace && ` A failure counts after ${r.grace}.`}
        </Text>
        {r.parameters !== undefined && r.parameters.length > 0 && (
          <List size="xs">
            {r.parameters.map((p) => (
              <List.Item key={p.name}>
                <b>{p.name}</b> = {p.default}
                {p.unit !== p.kind && ` ${p.unit}`}: {p.meaning}
              </List.Item>
            ))}
          </List>
        )}
        {r.contradiction && (
          <Text size="sm">
            <b>
              {r.contradiction.source} {r.contradiction.advice} says the opposite:
            </b>{" "}
            {r.contradiction.says} {r.contradiction.why}
          </Text>
        )}
      </Stack>
    </Paper>
  );
}
