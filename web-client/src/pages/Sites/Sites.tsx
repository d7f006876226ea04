import { Code, Stack, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type SiteRow, sitesQuery } from "../../api/fleet";
import { Counts, LivenessBadge, RegionMatchBadge } from "../../components/Badges";
import { ListPage, type Preset } from "../../components/ListPage";
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
      noun="sites"
      description="Every site of the federation with the verdicts on its clusters."
      presets={presets}
      example='severity>=high and country=DE and name~"Mun*"'
      sortable
      state={state}
      setState={(search) => navigate({ search })}
      query={query}
      empty={<FirstSite />}
    >
      {(items) => (
        <Table className="sticky" highlightOnHover verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Site</Table.Th>
              <Table.Th scope="col">Country</Table.Th>
              <Table.Th scope="col">Role</Table.Th>
              <Table.Th scope="col">State</Table.Th>
              <Table.Th scope="col" className="numeric">
                Clusters
              </Table.Th>
              <Table.Th scope="col">Verdicts</Table.Th>
              <Table.Th scope="col">ThingWorx and database</Table.Th>
              <Table.Th scope="col">Observed</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((s) => (
              <Table.Tr key={s.id}>
                <Table.Th scope="row">
                  <Link to="/sites/$site" params={{ site: s.id }}>
                    {s.name}
                  </Link>
                  <Text size="xs" c="dimmed">
                    {s.id}
                  </Text>
                </Table.Th>
                <Table.Td>{s.country ?? "unknown"}</Table.Td>
                <Table.Td>{s.role ? `${s.role}${s.hub ? ` of ${s.hub}` : ""}` : "stands alone"}</Table.Td>
                <Table.Td>
                  <LivenessBadge liveness={s.liveness} />
                </Table.Td>
                <Table.Td className="numeric">{s.clusters}</Table.Td>
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
            ))}
          </Table.Tbody>
        </Table>
      )}
    </ListPage>
  );
}

function FirstSite() {
  return (
    <Stack gap="xs">
      <Text>No site has sent an inventory yet. Import one that you have:</Text>
      <Code block>meridian up --import my-plant.yaml</Code>
      <Text>or let a planner at the site send it:</Text>
      <Code block>meridian-planner --config planner.yaml</Code>
    </Stack>
  );
}
