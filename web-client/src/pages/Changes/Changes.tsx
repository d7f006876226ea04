import { Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { memo } from "react";
import { changesQuery, type FindingChange } from "../../api/history";
import { Dot, VerdictBadge } from "../../components/Badges";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { type RowProps, Rows } from "../../components/Rows";
import { RuleLink } from "../../components/RuleLink";
import { SiteLink } from "../../components/SiteLink";
import { SpanPicker } from "../../components/SpanPicker";
import { Time } from "../../components/Time";

const route = getRouteApi("/changes");

const presets: Preset[] = [
  { label: "Opened", filter: "change=opened and verdict=fail" },
  { label: "Closed", filter: "change=closed" },
  { label: "Critical and high", filter: "severity>=high and verdict=fail" },
  { label: "Waived", filter: "change in (waived,unwaived)" },
  { label: "Became unknown", filter: "verdict=unknown" },
];

export const changeColors: Record<string, string> = {
  opened: "var(--critical)",
  joined: "var(--low)",
  changed: "var(--medium)",
  closed: "var(--good)",
  left: "var(--unknown)",
  waived: "var(--info)",
  unwaived: "var(--medium)",
};

export function Changes() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(changesQuery(state));
  return (
    <ListPage<FindingChange>
      title="Changes"
      collection="changes"
      noun="changes"
      description="What opened, changed, closed or was waived between two instants, newest first, as the assessments told it."
      above={<SpanPicker span={state} setSpan={(span) => navigate({ search: (old) => ({ ...old, ...span }) })} />}
      presets={presets}
      example="severity>=high and site=muc-01"
      state={{ filter: state.filter }}
      setState={({ filter }) => navigate({ search: (old) => ({ ...old, filter }) })}
      query={query}
      empty="Nothing changed between these instants."
    >
      {(items) => (
        <Table className="sticky" verticalSpacing={6}>
          <Head
            columns={[
              { name: "When", w: "12%" },
              { name: "Change", w: "11%" },
              { name: "Verdict", w: "11%" },
              { name: "Rule", w: "10%" },
              { name: "Subject", w: "18%" },
              "Finding",
            ]}
          />
          <Rows items={items} id={(c) => `${c.at} ${c.finding} ${c.change}`} row={ChangeRow} columns={6} height={58} />
        </Table>
      )}
    </ListPage>
  );
}

const ChangeRow = memo(function ChangeRow({ item: c, measure, index }: RowProps<FindingChange>) {
  return (
    <tr className="top" data-change={c.change} ref={measure} data-index={index}>
      <td>
        <Time at={c.at} />
      </td>
      <td>
        <Dot color={changeColors[c.change] ?? "var(--info)"} title={`It ${c.change}`} text={c.change} />
        {c.waiver && <span className="sub any">{c.waiver}</span>}
      </td>
      <td>
        <VerdictBadge verdict={c.verdict} severity={c.severity} />
        {c.change === "closed" && <span className="sub">until then</span>}
        {c.verdict === "unknown" && <span className="sub">{c.severity} if it fails</span>}
      </td>
      <td>
        <RuleLink rule={c.rule} />
      </td>
      <td className="any">
        <SiteLink site={c.site}>{c.cluster ? `${c.site}/${c.cluster}` : c.site}</SiteLink>
        {c.infrastructure && <span className="sub">{c.infrastructure}</span>}
        {c.node && <span className="sub">node {c.node}</span>}
      </td>
      <td className="any">{c.message || "not told within your scope"}</td>
    </tr>
  );
});
