import { Table, TextInput } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { memo, type ReactNode, useEffect, useState } from "react";
import { type Difference, differencesQuery } from "../../api/history";
import { Dot, Tag, VerdictBadge } from "../../components/Badges";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { type RowProps, Rows } from "../../components/Rows";
import { RuleLink } from "../../components/RuleLink";
import { SiteLink } from "../../components/SiteLink";
import { SpanPicker } from "../../components/SpanPicker";
import { percent } from "../../numbers";
import { changeColors } from "../Changes/Changes";

const route = getRouteApi("/differences");

const presets: Preset[] = [
  { label: "Findings opened", filter: "kind=finding and change=opened" },
  { label: "Findings closed", filter: "kind=finding and change=closed" },
  { label: "Findings changed", filter: "kind=finding and change in (changed,waived,unwaived)" },
  { label: "Clusters", filter: "kind=cluster" },
  { label: "Facts", filter: "kind=fact" },
  { label: "Sites that joined or left", filter: "kind=site and change in (joined,left)" },
];

export function Differences() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(differencesQuery(state));
  const [site, setSite] = useState(state.site ?? "");
  useEffect(() => setSite(state.site ?? ""), [state.site]);
  return (
    <ListPage<Difference>
      title="Differences"
      collection="diff"
      noun="differences"
      description="How the federation at the second instant differs from the first: sites, clusters, findings and single facts. What came and went in between is among the changes."
      above={
        <SpanPicker
          span={state}
          setSpan={(span) => navigate({ search: (old) => ({ ...old, ...span, site: site.trim() || undefined }) })}
        >
          <TextInput
            label="Only this site"
            placeholder="all sites"
            value={site}
            onChange={(event) => setSite(event.currentTarget.value)}
            w={150}
          />
        </SpanPicker>
      }
      presets={presets}
      example="kind=finding and severity>=high"
      state={{ filter: state.filter }}
      setState={({ filter }) => navigate({ search: (old) => ({ ...old, filter }) })}
      query={query}
      empty="The federation is the same at both instants."
    >
      {(items) => (
        <Table className="sticky" verticalSpacing={6}>
          <Head
            columns={[
              { name: "Where", w: "14%" },
              { name: "Kind", w: "9%" },
              { name: "Change", w: "11%" },
              "What",
              { name: "Before", w: "17%" },
              { name: "After", w: "17%" },
            ]}
          />
          <Rows
            items={items}
            id={(d) => `${d.kind} ${d.site} ${d.cluster} ${d.what}`}
            row={DifferenceRow}
            columns={6}
            height={52}
          />
        </Table>
      )}
    </ListPage>
  );
}

const DifferenceRow = memo(function DifferenceRow({ item: d, measure, index }: RowProps<Difference>) {
  return (
    <tr className="top" data-kind={d.kind} ref={measure} data-index={index}>
      <td className="any">
        <SiteLink site={d.site}>{d.cluster ? `${d.site}/${d.cluster}` : d.site}</SiteLink>
      </td>
      <td>
        <Tag>{d.kind}</Tag>
      </td>
      <td>
        <Dot color={color(d)} title={`It ${d.change}`} text={d.change} />
      </td>
      <td className="any">
        <What difference={d} />
      </td>
      <td className="any">
        <Value difference={d} text={d.before} />
      </td>
      <td className="any">
        <Value difference={d} text={d.after} />
      </td>
    </tr>
  );
});

/** Only a finding that opens is bad, and only one that closes is good; of anything else a change is just a change. */
const color = (d: Difference): string =>
  d.kind === "finding" || d.change === "joined" || d.change === "left"
    ? (changeColors[d.change] ?? "var(--info)")
    : "var(--info)";

const properties: Record<string, string> = {
  architecture: "architecture",
  recommended: "recommended architecture",
  serving: "chance to serve",
  environment: "environment",
  thingworxRegions: "regions of ThingWorx",
  databaseRegion: "region of the database",
};

function What({ difference: d }: { difference: Difference }): ReactNode {
  switch (d.kind) {
    case "finding":
      return (
        <>
          {d.rule && <RuleLink rule={d.rule} />} {d.message}
        </>
      );
    case "cluster":
      return properties[d.what] ?? d.what;
    case "fact":
      return <code>{d.what}</code>;
    case "site":
      return d.change === "changed" ? "another revision of the inventory" : "the site";
  }
}

/** A verdict with its severity looks as it does everywhere; other values are text. */
function Value({ difference: d, text }: { difference: Difference; text: string }) {
  const [, verdict, severity] = /^(fail|unknown) (\w+)$/.exec(d.kind === "finding" ? text : "") ?? [];
  if (verdict === undefined || severity === undefined) {
    return <>{value(d, text)}</>;
  }
  return (
    <>
      <VerdictBadge verdict={verdict} severity={severity} />
      {verdict === "unknown" && <span className="sub">{severity} if it fails</span>}
    </>
  );
}

/** A value as people read it; what was not there is said. */
export function value(d: Pick<Difference, "kind" | "what">, text: string): string {
  if (text === "") {
    return d.kind === "cluster" ? "unknown, or not there" : "not there";
  }
  if (d.kind === "cluster" && d.what === "serving" && !Number.isNaN(Number(text))) {
    return percent(Number(text));
  }
  return text.length > 400 ? `${text.slice(0, 400)}… (${text.length.toLocaleString("en")} characters)` : text;
}
