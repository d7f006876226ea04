import { NativeSelect, Stack, Table, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { createContext, useContext, useState } from "react";
import { type Trends as Data, type Measure, measures, type TrendSeries, trendsQuery } from "../../api/history";
import { severities } from "../../components/Badges";
import { Head } from "../../components/Head";
import { CoverageText, LoadingRows } from "../../components/ListPage";
import { ProblemView } from "../../components/ProblemView";
import { type RowProps, Rows } from "../../components/Rows";
import { SpanPicker } from "../../components/SpanPicker";
import { useTitle } from "../../components/title";
import { Chart, type Drawn } from "./Chart";
import { instantsOf, largestFirst, valueAt } from "./scale";

const route = getRouteApi("/trends");

const groups = [
  { value: "", label: "everything together" },
  { value: "severity", label: "severity" },
  { value: "rule", label: "rule" },
  { value: "region", label: "region" },
  { value: "country", label: "country" },
  { value: "site", label: "site" },
  { value: "tag", label: "tag" },
];

const distances = ["", "1h", "6h", "24h", "168h"] as const;
const distanceText: Record<string, string> = {
  "": "automatic",
  "1h": "an hour",
  "6h": "6 hours",
  "24h": "a day",
  "168h": "a week",
};

const measureText: Record<Measure, string> = {
  fail: "findings that fail",
  unknown: "unknown verdicts",
  waived: "waived findings",
  sites: "sites",
};

/** As many lines as can be told apart. */
const most = 6;
const dashes = ["", "7 4", "2 4", "12 4 2 4", "4 2", "1 3"];

export function Trends() {
  useTitle("Trends");
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery(trendsQuery(state));
  const show = state.show ?? "fail";
  const every = state.every ?? "";
  const by = state.by ?? "";
  const [tag, setTag] = useState(by.startsWith("tag.") ? by.slice(4) : "");
  const [tagged, setTagged] = useState(by.startsWith("tag."));
  const group = (value: string) =>
    navigate({ search: (old) => ({ ...old, by: value === "" ? undefined : value, draw: undefined }) });
  return (
    <Stack gap="sm">
      <Title order={1}>Trends</Title>
      <Text size="sm" c="dimmed">
        What was in force at instants equally far apart. Each point counts what a report as of its instant would count.
      </Text>
      <SpanPicker span={state} setSpan={(span) => navigate({ search: (old) => ({ ...old, ...span }) })}>
        <NativeSelect
          label="A point every"
          value={every}
          onChange={(event) => navigate({ search: (old) => ({ ...old, every: event.target.value || undefined }) })}
          data={[...new Set([...distances, every])].map((d) => ({ value: d, label: distanceText[d] ?? d }))}
          w={110}
        />
        <NativeSelect
          label="Count"
          value={show}
          onChange={(event) =>
            navigate({ search: (old) => ({ ...old, show: measures.find((m) => m === event.target.value) }) })
          }
          data={measures.map((m) => ({ value: m, label: measureText[m] }))}
          w={180}
        />
        <NativeSelect
          label="By"
          value={tagged ? "tag" : by}
          onChange={(event) => {
            const value = event.target.value;
            setTagged(value === "tag");
            if (value !== "tag") {
              group(value);
            } else if (tag !== "") {
              group(`tag.${tag}`);
            }
          }}
          data={groups}
          w={170}
        />
        {tagged && (
          <TextInput
            label="Name of the tag"
            placeholder="division"
            value={tag}
            onChange={(event) => setTag(event.currentTarget.value.trim())}
            onBlur={() => tag !== "" && by !== `tag.${tag}` && group(`tag.${tag}`)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && tag !== "") {
                event.preventDefault();
                group(`tag.${tag}`);
              }
            }}
            w={150}
          />
        )}
      </SpanPicker>
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.isPending && <LoadingRows noun="trends" />}
      {query.data && (
        <div className={query.isPlaceholderData ? "outdated" : undefined} aria-busy={query.isPlaceholderData}>
          <Shown
            data={query.data}
            show={show}
            draw={state.draw}
            setDraw={(draw) => navigate({ search: (old) => ({ ...old, draw }) })}
          />
        </div>
      )}
    </Stack>
  );
}

/** What a group is called: the empty one holds everything, or what has no such region, country or tag. */
const nameOf = (group: string, by: string): string => group || (by === "" ? "all" : `no ${by.replace("tag.", "tag ")}`);

const isSeverity = (group: string): boolean => severities.some((s) => s === group);

interface ShownProps {
  data: Data;
  show: Measure;
  draw: string[] | undefined;
  setDraw: (groups: string[] | undefined) => void;
}

function Shown({ data, show, draw, setDraw }: ShownProps) {
  const largest = largestFirst(data.series, show);
  const all = data.by === "severity" ? bySeverity(largest) : largest;
  if (all.length === 0) {
    return <Text my="md">The history holds nothing of this span.</Text>;
  }
  const chosen = draw ? all.filter((s) => draw.includes(s.group)) : all.slice(0, most);
  const drawn: Drawn[] = chosen.map((series, i) => ({
    series,
    name: nameOf(series.group, data.by),
    color: data.by === "severity" && isSeverity(series.group) ? `var(--${series.group})` : `var(--line-${i % most})`,
    dash: dashes[i % dashes.length] ?? "",
  }));
  const instants = instantsOf(data.series);
  const toggle = (group: string) => {
    const now = chosen.map((s) => s.group);
    setDraw(now.includes(group) ? now.filter((g) => g !== group) : [...now, group]);
  };
  return (
    <Stack gap="sm">
      <Text size="sm" role="status">
        <b>{all.length.toLocaleString("en")}</b> {all.length === 1 ? "group" : "groups"} at{" "}
        <b>{instants.length.toLocaleString("en")}</b> {instants.length === 1 ? "instant" : "instants"}
        {chosen.length < all.length ? `, ${chosen.length} of them drawn` : ""}. At present:{" "}
        <CoverageText coverage={data.coverage} />
      </Text>
      <div className="chart-and-table">
        <figure className="figure">
          {drawn.length === 0 ? (
            <Text size="sm">No group is chosen to be drawn.</Text>
          ) : (
            <Chart
              drawn={drawn}
              all={data.series}
              show={show}
              label={`${measureText[show]} over time: ${drawn.map((d) => d.name).join(", ")}; the tables have the numbers`}
            />
          )}
          <figcaption>
            <Text size="xs" c="dimmed">
              Number of {measureText[show]}, times in UTC. Where a line breaks, the group had nothing.
            </Text>
          </figcaption>
        </figure>
        <Groups all={all} drawn={drawn} instants={instants} by={data.by} show={show} toggle={toggle} />
      </div>
      <Points series={drawn.map((d) => d.series)} instants={instants} by={data.by} show={show} />
    </Stack>
  );
}

/** A severity that is not known comes last. */
const order = (s: TrendSeries): number => [...severities, s.group].indexOf(s.group);

const bySeverity = (series: TrendSeries[]): TrendSeries[] => [...series].sort((a, b) => order(a) - order(b));

interface GroupsProps {
  all: TrendSeries[];
  drawn: Drawn[];
  instants: number[];
  by: string;
  show: Measure;
  toggle: (group: string) => void;
}

interface Group {
  series: TrendSeries;
  name: string;
  line: Drawn | undefined;
  first: number | undefined;
  last: number | undefined;
}

const Toggle = createContext<(group: string) => void>(() => undefined);

function Groups({ all, drawn, instants, by, show, toggle }: GroupsProps) {
  const items: Group[] = all.map((series) => ({
    series,
    name: nameOf(series.group, by),
    line: drawn.find((d) => d.series.group === series.group),
    first: valueAt(series, instants[0], show),
    last: valueAt(series, instants.at(-1), show),
  }));
  return (
    <Toggle value={toggle}>
      <Table verticalSpacing={4}>
        <Head
          columns={[
            { name: "Drawn", w: 90 },
            by === "" ? "Group" : by.replace("tag.", "tag "),
            { name: "First", w: 70, className: "numeric" },
            { name: "Last", w: 70, className: "numeric" },
            { name: "Change", w: 80, className: "numeric" },
          ]}
        />
        <Rows items={items} id={(g) => g.series.group} row={GroupRow} columns={5} height={36} />
      </Table>
    </Toggle>
  );
}

function GroupRow({ item: g, measure, index }: RowProps<Group>) {
  const toggle = useContext(Toggle);
  return (
    <tr ref={measure} data-index={index}>
      <td>
        <label className="swatch">
          <input
            type="checkbox"
            checked={g.line !== undefined}
            onChange={() => toggle(g.series.group)}
            aria-label={`Draw ${g.name}`}
          />
          {g.line && (
            <svg width="28" height="8" aria-hidden="true" style={{ color: g.line.color }}>
              <line x1="0" x2="28" y1="4" y2="4" strokeDasharray={g.line.dash} className="line" />
            </svg>
          )}
        </label>
      </td>
      <th scope="row" className="any">
        {g.name}
      </th>
      <td className="numeric">{g.first?.toLocaleString("en") ?? "none"}</td>
      <td className="numeric">{g.last?.toLocaleString("en") ?? "none"}</td>
      <td className="numeric">{changeText(g.first, g.last)}</td>
    </tr>
  );
}

/** The difference with its sign, as people write it. */
export function changeText(a: number | undefined, b: number | undefined): string {
  const change = (b ?? 0) - (a ?? 0);
  return change === 0 ? "0" : `${change > 0 ? "+" : "−"}${Math.abs(change).toLocaleString("en")}`;
}

function Points({
  series,
  instants,
  by,
  show,
}: {
  series: TrendSeries[];
  instants: number[];
  by: string;
  show: Measure;
}) {
  return (
    <details>
      <summary>
        <Text span size="sm">
          Every point of what is drawn
        </Text>
      </summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keys. */}
      <section className="wide" tabIndex={0} aria-label="Every point">
        <Table verticalSpacing={2} w="auto">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Instant (UTC)</Table.Th>
              {series.map((s) => (
                <Table.Th key={s.group} scope="col" className="numeric">
                  {nameOf(s.group, by)}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {[...instants].reverse().map((i) => (
              <Table.Tr key={i}>
                <Table.Th scope="row" className="nowrap">
                  {new Date(i).toISOString().slice(0, 19).replace("T", " ")}
                </Table.Th>
                {series.map((s) => (
                  <Table.Td key={s.group} className="numeric">
                    {valueAt(s, i, show)?.toLocaleString("en") ?? "none"}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </section>
    </details>
  );
}
