import { Stack, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { memo } from "react";
import { type SiteRow, sitesQuery } from "../../api/fleet";
import { Counts, LivenessBadge, RegionMatchBadge } from "../../components/Badges";
import { Country } from "../../components/Country";
import { ListPage, type Preset } from "../../components/ListPage";
import { type RowProps, Rows } from "../../components/Rows";
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
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col" w="15%">
                Site
              </Table.Th>
              <Table.Th scope="col" w="11%">
                Country
              </Table.Th>
              <Table.Th scope="col" w="8%" className="from-md">
                Role
              </Table.Th>
              <Table.Th scope="col" w="6%">
                State
              </Table.Th>
              <Table.Th scope="col" w="6%" className="numeric from-md">
                Clusters
              </Table.Th>
              <Table.Th scope="col">Verdicts</Table.Th>
              <Table.Th scope="col" w="11%">
                Database region
              </Table.Th>
              <Table.Th scope="col" w="11%">
                Observed
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Rows items={items} id={(s) => s.id} row={SiteTr} columns={8} height={50} />
        </Table>
      )}
    </ListPage>
  );
}

const SiteTr = memo(function SiteTr({ item: s, place }: RowProps<SiteRow>) {
  return (
    <Table.Tr data-site={s.id} {...place}>
      <Table.Th scope="row">
        <Link to="/sites/$site" params={{ site: s.id }}>
          {s.name}
        </Link>
        <span className="sub">{s.id}</span>
      </Table.Th>
      <Table.Td>
        <Country code={s.country} />
      </Table.Td>
      <Table.Td className="from-md">
        {s.role ?? "stands alone"}
        {s.hub && <span className="sub">of {s.hub}</span>}
      </Table.Td>
      <Table.Td>
        <LivenessBadge liveness={s.liveness} />
      </Table.Td>
      <Table.Td className="numeric from-md">{s.clusters}</Table.Td>
      <Table.Td>
        <Counts counts={s.findings} />
      </Table.Td>
      <Table.Td>
        <RegionMatchBadge match={s.regionMatch} />
      </Table.Td>
      <Table.Td>
        <Time at={s.observedAt} />
      </Table.Td>
    </Table.Tr>
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
