import { Group, List, Paper, Skeleton, Stack, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useLocation } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import type { Schemas } from "../../api/client";
import { rulesQuery } from "../../api/fleet";
import { ConfidenceBadge, SeverityBadge } from "../../components/Badges";
import { ProblemView } from "../../components/ProblemView";

type Rule = Schemas["Rule"];

export function Rules() {
  const query = useQuery(rulesQuery);
  const [search, setSearch] = useState("");
  const { hash } = useLocation();
  const loaded = query.data !== undefined;
  useEffect(() => {
    if (loaded && hash !== "") {
      document.getElementById(hash)?.scrollIntoView();
    }
  }, [loaded, hash]);
  if (query.isPending) {
    return <Skeleton height={400} aria-label="Loading the rules" />;
  }
  if (query.isError) {
    return <ProblemView error={query.error} retry={() => query.refetch()} />;
  }
  const wanted = search.trim().toLowerCase();
  const shown = query.data.items.filter(
    (r) => wanted === "" || `${r.id} ${r.title} ${r.why} ${r.topic}`.toLowerCase().includes(wanted),
  );
  return (
    <Stack gap="sm">
      <Title order={1}>Rules</Title>
      <Text size="sm" c="dimmed">
        What each rule asks, why, and what it rests on: stated by the vendor, or inferred by us.
      </Text>
      <TextInput label="Search" value={search} onChange={(e) => setSearch(e.currentTarget.value)} maw={400} />
      <Text size="sm" role="status">
        {shown.length} of {query.data.total} rules
      </Text>
      {shown.map((r) => (
        <RuleView key={r.id} rule={r} />
      ))}
    </Stack>
  );
}

function RuleView({ rule: r }: { rule: Rule }) {
  return (
    <Paper
      withBorder
      p="sm"
      id={r.id}
      component="section"
      aria-labelledby={`title-${r.id}`}
      style={{ scrollMarginTop: 60 }}
    >
      <Group gap="xs" mb={4}>
        <Title order={2} size="h3" id={`title-${r.id}`}>
          {r.id} {r.title}
        </Title>
        <SeverityBadge severity={r.severity} />
        <ConfidenceBadge confidence={r.confidence} />
      </Group>
      <Text size="sm">{r.why}</Text>
      <Text size="sm">
        <b>Do:</b> {r.remedy}
      </Text>
      <Text size="xs" c="dimmed">
        {r.basis} {r.reference}
      </Text>
      {r.parameters !== undefined && r.parameters.length > 0 && (
        <List size="xs" mt={4}>
          {r.parameters.map((p) => (
            <List.Item key={p.name}>
              <b>{p.name}</b> = {p.default} {p.unit}: {p.meaning}
            </List.Item>
          ))}
        </List>
      )}
      {r.contradiction && (
        <Text size="sm" mt={4}>
          <b>
            {r.contradiction.source} {r.contradiction.advice} says the opposite:
          </b>{" "}
          {r.contradiction.says} {r.contradiction.why}
        </Text>
      )}
    </Paper>
  );
}
