import { Grid, SegmentedControl, Stack, Table, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { mismatchesQuery, type RegionMismatch } from "../../api/fleet";
import { SeverityBadge } from "../../components/Badges";
import { ListPage, type Preset } from "../../components/ListPage";
import { WorldMap } from "./WorldMap";
import { extent, type Point, project } from "./world";

const route = getRouteApi("/map");

const presets: Preset[] = [
  { label: "Critical", filter: "severity=critical" },
  { label: "Production", filter: "environment=production" },
  { label: "20 ms or more", filter: "roundTrip>=20ms" },
  { label: "Over 1,000 km", filter: "distanceKm>1000" },
];

export function RegionMap() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(mismatchesQuery(state));
  return (
    <ListPage<RegionMismatch>
      title="Region mismatches"
      noun="clusters with a mismatch"
      description="Clusters whose Foundation nodes and model database are not in one region. PTC recommends to have both at the same geographical location."
      presets={presets}
      example="severity=critical and country=DE"
      sortable
      state={state}
      setState={(search) => navigate({ search })}
      query={query}
      empty="Every cluster whose regions are known has ThingWorx and its database in one region. Clusters with unknown regions are among the findings of COL-003."
    >
      {(items) => <Mismatches items={items} />}
    </ListPage>
  );
}

function Mismatches({ items }: { items: RegionMismatch[] }) {
  const [active, setActive] = useState<string | null>(null);
  const [zoom, setZoom] = useState<"world" | "mismatches">("world");
  const points = useMemo(
    () =>
      items
        .flatMap((m) => [...m.thingworx, ...(m.database ? [m.database] : [])])
        .map(project)
        .filter((p): p is Point => p !== null),
    [items],
  );
  const unplaced = items.filter(
    (m) => m.database === null || project(m.database) === null || m.thingworx.every((t) => project(t) === null),
  );
  return (
    <Grid gap="md">
      <Grid.Col span={{ base: 12, lg: 8 }}>
        <Stack gap="xs">
          <SegmentedControl
            w="fit-content"
            aria-label="Part of the map"
            value={zoom}
            onChange={(v) => setZoom(v as typeof zoom)}
            data={[
              { value: "world", label: "World" },
              { value: "mismatches", label: "Mismatches" },
            ]}
            className="no-print"
          />
          <WorldMap
            items={items}
            active={active}
            setActive={setActive}
            view={zoom === "world" ? undefined : extent(points)}
          />
          {unplaced.length > 0 && (
            <Text size="sm" style={{ color: "var(--unknown)" }}>
              {unplaced.length} of them cannot be drawn because the place of a region is not known; they are in the
              list.
            </Text>
          )}
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, lg: 4 }}>
        <Table verticalSpacing={6} fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Cluster</Table.Th>
              <Table.Th scope="col">From ThingWorx to its database</Table.Th>
              <Table.Th scope="col">Severity</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((m) => (
              <Table.Tr
                key={m.id}
                data-mismatch={m.id}
                bg={active === m.id ? "var(--mantine-color-default-hover)" : undefined}
                onMouseEnter={() => setActive(m.id)}
                onMouseLeave={() => setActive(null)}
                onFocus={() => setActive(m.id)}
                onBlur={() => setActive(null)}
                style={{ verticalAlign: "top" }}
              >
                <Table.Th scope="row">
                  <Link to="/sites/$site" params={{ site: m.site }}>
                    {m.siteName}
                  </Link>
                  <Text size="xs" c="dimmed">
                    {m.id}
                  </Text>
                </Table.Th>
                <Table.Td>
                  {m.thingworx.map((t) => t.name).join(", ")} → {m.database?.name ?? "unknown"}
                  <Text size="xs" c="dimmed">
                    {way(m)}
                  </Text>
                  {m.advice !== "" && <Text size="xs">{m.advice}</Text>}
                </Table.Td>
                <Table.Td>
                  <SeverityBadge severity={m.severity} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Grid.Col>
    </Grid>
  );
}

export function way(m: RegionMismatch): string {
  const parts = [];
  if (m.roundTrip) {
    parts.push(`${m.roundTrip.p95} (p95, ${m.roundTrip.source})`);
    if (m.roundTrip.measured) {
      parts.push(`measured ${m.roundTrip.measured}`);
    }
  }
  if (m.distanceKm !== null) {
    parts.push(`${m.distanceKm.toLocaleString("en")} km`);
  }
  return parts.join(", ") || "round trip unknown";
}
