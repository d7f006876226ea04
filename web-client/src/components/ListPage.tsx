import { Button, Chip, Code, Group, SegmentedControl, Skeleton, Stack, Text, TextInput, Title } from "@mantine/core";
import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { fields } from "../api/fields";
import type { Coverage, ListState } from "../api/fleet";
import { faultText, filterFault, ProblemView } from "./ProblemView";
import { useTitle } from "./title";

interface PageOf<T> {
  items: T[];
  next: string;
  total: number;
  coverage: Coverage;
}

export interface Preset {
  label: string;
  filter: string;
}

export interface ListProps<T> {
  title: string;
  /** The collection that the filter is for. */
  collection: keyof typeof fields;
  noun: string;
  description: ReactNode;
  /** What stands between the description and the filter, for example the instants that the list is about. */
  above?: ReactNode;
  presets: Preset[];
  example: string;
  /** What the list is ordered by when not by severity; absent when there is no choice. */
  order?: string;
  state: ListState;
  setState: (s: ListState) => void;
  query: UseInfiniteQueryResult<{ pages: PageOf<T>[] }>;
  empty: ReactNode;
  children: (items: T[]) => ReactNode;
}

/** A filtered list: what it shows, how much of it, what the statement rests on, and how to get the rest. */
export function ListPage<T>(p: ListProps<T>) {
  useTitle(p.title);
  const { data, isError, error, isPending, isPlaceholderData } = p.query;
  const first = data?.pages[0];
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  const fault = isError ? filterFault(error) : undefined;
  return (
    <Stack gap="sm">
      <Title order={1}>{p.title}</Title>
      <Text size="sm" c="dimmed">
        {p.description}
      </Text>
      {p.above}
      <FilterBar p={p} fault={fault} />
      {isError && !fault && <ProblemView error={error} retry={() => p.query.refetch()} />}
      {isPending && <LoadingRows noun={p.noun} />}
      {first !== undefined && (
        <>
          <Totals shown={items.length} total={first.total} noun={p.noun} coverage={first.coverage} state={p.state} />
          <div className={isPlaceholderData ? "outdated" : undefined} aria-busy={isPlaceholderData}>
            {items.length === 0 ? (
              p.state.filter ? (
                <NothingMatches setState={p.setState} />
              ) : (
                p.empty
              )
            ) : (
              p.children(items)
            )}
          </div>
          {p.query.hasNextPage && (
            <Button
              variant="default"
              loading={p.query.isFetchingNextPage}
              onClick={() => p.query.fetchNextPage()}
              className="no-print"
            >
              Show more ({(first.total - items.length).toLocaleString("en")} left)
            </Button>
          )}
        </>
      )}
    </Stack>
  );
}

/** Stands where the line of totals and the rows will be, so that nothing moves when they come. */
export function LoadingRows({ noun }: { noun: string }) {
  return (
    <div role="status" aria-label={`Loading ${noun}`}>
      <Skeleton height={12} width={360} my={5} />
      <Skeleton height={16} my={14} />
      {["70%", "86%", "64%", "78%", "70%", "82%"].map((width, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows stand for nothing and never change.
        <Skeleton key={i} height={14} width={width} my={26} />
      ))}
    </div>
  );
}

type Fault = ReturnType<typeof filterFault>;

function FilterBar<T>({ p, fault }: { p: ListProps<T>; fault: Fault }) {
  const applied = p.state.filter ?? "";
  const [text, setText] = useState(applied);
  useEffect(() => setText(applied), [applied]);
  const apply = (filter: string) => {
    setText(filter.trim());
    p.setState({ ...p.state, filter: filter.trim() === "" ? undefined : filter.trim() });
  };
  return (
    <Stack gap={6} className="no-print">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          apply(text);
        }}
      >
        <Group gap="xs" align="start" wrap="wrap">
          <TextInput
            aria-label="Filter"
            placeholder={`Filter, for example ${p.example}`}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={fault && <FilterFault text={applied} fault={fault} />}
            spellCheck={false}
            autoComplete="off"
            style={{ flex: "1 1 340px" }}
            styles={{
              input: { fontFamily: "var(--mantine-font-family-monospace)", color: "var(--mantine-color-text)" },
              error: { color: "var(--critical)" },
            }}
          />
          <Button type="submit" variant={text.trim() === applied ? "default" : "filled"}>
            Apply
          </Button>
          {applied !== "" && (
            <Button variant="default" onClick={() => apply("")}>
              Clear
            </Button>
          )}
          {p.order && (
            <SegmentedControl
              aria-label="Order"
              value={p.state.sort ?? "own"}
              onChange={(v) => p.setState({ ...p.state, sort: v === "severity" ? "severity" : undefined })}
              data={[
                { value: "own", label: p.order },
                { value: "severity", label: "Worst first" },
              ]}
            />
          )}
        </Group>
      </form>
      <Group gap={6} align="center">
        {p.presets.map((preset) => (
          <Chip
            key={preset.filter}
            size="xs"
            checked={applied === preset.filter}
            onChange={(on) => apply(on ? preset.filter : "")}
          >
            {preset.label}
          </Chip>
        ))}
        <details className="filter-help">
          <summary>
            <Text span size="xs" c="dimmed">
              What can be filtered
            </Text>
          </summary>
          <Text size="xs" mt={4}>
            {fields[p.collection].split(" ").map((f) => (
              <span key={f}>
                <Code>{f}</Code>{" "}
              </span>
            ))}
          </Text>
          <Text size="xs" mt={4}>
            Compare with <Code>=</Code> <Code>!=</Code> <Code>&lt;</Code> <Code>&lt;=</Code> <Code>&gt;</Code>{" "}
            <Code>&gt;=</Code>, patterns with <Code>~</Code> and <Code>!~</Code> (<Code>*</Code> for anything), lists
            with <Code>in (a,b)</Code> and <Code>not in (a,b)</Code>, what is known with <Code>has(field)</Code>; join
            with <Code>and</Code>, <Code>or</Code>, <Code>not</Code> and parentheses. The address of the page holds the
            filter.
          </Text>
        </details>
      </Group>
    </Stack>
  );
}

/** The filter with the place that is wrong, and what the server says about it. */
function FilterFault({ text, fault }: { text: string; fault: NonNullable<Fault> }) {
  const at = fault.position === undefined ? -1 : fault.position - 1;
  return (
    <span role="alert">
      The filter is not valid, {faultText(fault, false)}
      {at >= 0 && (
        <Code component="span" display="block" mt={2} style={{ whiteSpace: "pre-wrap" }}>
          {text.slice(0, at)}
          <mark>{text.slice(at, at + 1) || "\u00a0"}</mark>
          {text.slice(at + 1)}
        </Code>
      )}
    </span>
  );
}

function Totals(t: { shown: number; total: number; noun: string; coverage: Coverage; state: ListState }) {
  return (
    <Text size="sm" role="status">
      <b>{t.shown.toLocaleString("en")}</b> of <b>{t.total.toLocaleString("en")}</b> {t.noun}.{" "}
      <CoverageText coverage={t.coverage} />
      {t.state.filter && <span className="only-print"> Filter: {t.state.filter}</span>}
    </Text>
  );
}

/** What a statement rests on, in one sentence. */
export function CoverageText({ coverage: c }: { coverage: Coverage }) {
  return (
    <>
      Rests on {c.sites.toLocaleString("en")} {c.sites === 1 ? "site" : "sites"}, {c.fresh.toLocaleString("en")} fresh
      and {c.stale.toLocaleString("en")} not; {c.factsKnown.toLocaleString("en")} of{" "}
      {c.factsNeeded.toLocaleString("en")} facts known
      {c.factsNeeded > 0 ? ` (${Math.floor((100 * c.factsKnown) / c.factsNeeded)} %)` : ""}.
    </>
  );
}

function NothingMatches({ setState }: { setState: (s: ListState) => void }) {
  return (
    <Text my="md">
      Nothing matches this filter.{" "}
      <Button variant="default" size="compact-sm" onClick={() => setState({})}>
        Clear the filter
      </Button>
    </Text>
  );
}
