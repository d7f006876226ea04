import { Stack, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { memo } from "react";
import { type SiteRow, sitesQuery } from "../../api/fleet";
import { Counts, LivenessBadge, RegionMatchBadge } from "../../components/Badges";
import { Country } from "../../components/Country";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { type RowProps, Rows } from "../../components/Rows";
import { SiteLink } from "../../components/SiteLink";
import { Time } from "../../components/Time";

const route = getRouteApi("/");

const presets: Preset[] = [
  { label: "Critical", filter: "severity=critical" },
  { label: "High or worse", filter: "severity>=high" },
  { label: "Region mismatch", filter: "regionMatch=false" },
  { label: "Region unknown", filter: "not has(regionMatch)" },
  { label: "Unknown verdicts", filter: "unknown>0" },
  { label: "Not live", filter: "liveness!=live" },
];

export function Sites() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(sitesQuery(state));
  return (
    <ListPage<SiteRow>
      title="Sites"
      collection="sites"
      noun="sites"
      description="Every site of the federation with the verdicts on its clusters."
      presets={presets}
      example='severity>=high and country=DE and name~"Mun*"'
      order="By id"
      state={state}
      setState={(search) => navigate({ search })}
      query={query}
      empty={<FirstSite />}
    >
      {(items) => (
        <Table className="sticky" highlightOnHover verticalSpacing={6}>
          <Head
            columns={[
              { name: "Site", w: "15%" },
              { name: "Country", w: "11%" },
              { name: "Role", w: "8%", className: "from-md" },
              { name: "State", w: "6%" },
              { name: "Clusters", w: "6%", className: "numeric from-md" },
              "Verdicts",
              { name: "Database region", w: "11%" },
              { name: "Observed", w: "11%" },
            ]}
          />
          <Rows items={items} id={(s) => s.id} row={SiteTr} columns={8} height={50} />
        </Table>
      )}
    </ListPage>
  );
}

const SiteTr = memo(function SiteTr({ item: s, measure, index }: RowProps<SiteRow>) {
  return (
    <tr data-site={s.id} ref={measure} data-index={index}>
      <th scope="row">
        <SiteLink site={s.id}>{s.name}</SiteLink>
        <span className="sub">{s.id}</span>
      </th>
      <td>
        <Country code={s.country} />
      </td>
      <td className="from-md">
        {s.role ?? "stands alone"}
        {s.hub && <span className="sub">of {s.hub}</span>}
      </td>
      <td>
        <LivenessBadge liveness={s.liveness} />
      </td>
      <td className="numeric from-md">{s.clusters}</td>
      <td>
        <Counts counts={s.findings} />
      </td>
      <td>
        <RegionMatchBadge match={s.regionMatch} />
      </td>
      <td>
        <Time at={s.observedAt} />
      </td>
    </tr>
  );
});

function FirstSite() {
  return (
    <Stack gap="xs" my="md">
      <Text>No site has sent an inventory yet.</Text>
      <Text>
        <Link to="/connect">Connect your first planner</Link>: the commands for it, step by step.
      </Text>
    </Stack>
  );
}
