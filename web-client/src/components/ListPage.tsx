import { Button, Chip, Group, SegmentedControl, Skeleton, Stack, Text, TextInput, Title } from "@mantine/core";
import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import type { Coverage, ListState } from "../api/fleet";
import { ProblemView } from "./ProblemView";

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

interface Props<T> {
  title: string;
  noun: string;
  description: ReactNode;
  presets: Preset[];
  example: string;
  sortable: boolean;
  state: ListState;
  setState: (s: ListState) => void;
  query: UseInfiniteQueryResult<{ pages: PageOf<T>[] }>;
  empty: ReactNode;
  children: (items: T[]) => ReactNode;
}

/** A filtered list: what it shows, how much of it, what the statement rests on, and how to get the rest. */
export function ListPage<T>(p: Props<T>) {
  const first = p.query.data?.pages[0];
  const items = p.query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Stack gap="sm">
      <Title order={1}>{p.title}</Title>
      <Text size="sm" c="dimmed">
        {p.description}
      </Text>
      <FilterBar presets={p.presets} example={p.example} sortable={p.sortable} state={p.state} setState={p.setState} />
      {p.query.isError && <ProblemView error={p.query.error} retry={() => p.query.refetch()} />}
      {p.query.isPending && <Skeleton height={320} aria-label={`Loading ${p.noun}`} />}
      {first !== undefined && (
        <>
          <Totals shown={items.length} total={first.total} noun={p.noun} coverage={first.coverage} />
          {items.length === 0 ? p.state.filter ? <NothingMatches setState={p.setState} /> : p.empty : p.children(items)}
          {p.query.hasNextPage && (
            <Button
              variant="default"
              loading={p.query.isFetchingNextPage}
              onClick={() => p.query.fetchNextPage()}
              className="no-print"
            >
              Show more ({first.total - items.length} left)
            </Button>
          )}
        </>
      )}
    </Stack>
  );
}

function FilterBar(p: Pick<Props<unknown>, "presets" | "example" | "sortable" | "state" | "setState">) {
  const [text, setText] = useState(p.state.filter ?? "");
  useEffect(() => setText(p.state.filter ?? ""), [p.state.filter]);
  const apply = (filter: string) =>
    p.setState({ ...p.state, filter: filter.trim() === "" ? undefined : filter.trim() });
  return (
    <Stack gap={6} className="no-print">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          apply(text);
        }}
      >
        <Group gap="xs" align="end">
          <TextInput
            label="Filter"
            placeholder={p.example}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            style={{ flex: 1 }}
            ff="monospace"
          />
          <Button type="submit" variant="default">
            Apply
          </Button>
          {p.state.filter && (
            <Button variant="subtle" onClick={() => apply("")}>
              Clear
            </Button>
          )}
          {p.sortable && (
            <SegmentedControl
              aria-label="Order"
              value={p.state.sort ?? "name"}
              onChange={(v) => p.setState({ ...p.state, sort: v === "severity" ? "severity" : undefined })}
              data={[
                { value: "name", label: "By name" },
                { value: "severity", label: "Worst first" },
              ]}
            />
          )}
        </Group>
      </form>
      <Group gap={6}>
        {p.presets.map((preset) => (
          <Chip
            key={preset.filter}
            size="xs"
            checked={p.state.filter === preset.filter}
            onChange={(on) => apply(on ? preset.filter : "")}
          >
            {preset.label}
          </Chip>
        ))}
      </Group>
    </Stack>
  );
}

function Totals({ shown, total, noun, coverage }: { shown: number; total: number; noun: string; coverage: Coverage }) {
  return (
    <Text size="sm" role="status">
      <b>{shown}</b> of <b>{total}</b> {noun}. <CoverageText coverage={coverage} />
    </Text>
  );
}

/** What a statement rests on, in one sentence. */
export function CoverageText({ coverage: c }: { coverage: Coverage }) {
  return (
    <>
      Rests on {c.sites} {c.sites === 1 ? "site" : "sites"}, {c.fresh} fresh and {c.stale} not; {c.factsKnown} of{" "}
      {c.factsNeeded} facts known
      {c.factsNeeded > 0 ? ` (${Math.floor((100 * c.factsKnown) / c.factsNeeded)} %)` : ""}.
    </>
  );
}

function NothingMatches({ setState }: { setState: (s: ListState) => void }) {
  return (
    <Text>
      Nothing matches this filter.{" "}
      <Button variant="subtle" size="compact-sm" onClick={() => setState({})}>
        Clear the filter
      </Button>
    </Text>
  );
}
