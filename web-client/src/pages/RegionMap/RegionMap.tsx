import { SegmentedControl, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { memo, useMemo, useState } from "react";
import { mismatchesQuery, type RegionMismatch } from "../../api/fleet";
import { SeverityBadge } from "../../components/Badges";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { Legend, WorldMap } from "./WorldMap";
import { unplaced, type Way, ways, wayText } from "./ways";
import { extent } from "./world";

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
      collection="region-mismatches"
      noun="clusters with a mismatch"
      description="Clusters whose Foundation nodes and model database are not in one region. PTC recommends to have both at the same geographical location."
      presets={presets}
      example="severity=critical and country=DE"
      order="By id"
      state={state}
      setState={(search) => navigate({ search })}
      query={query}
      empty="Every cluster whose regions are known has ThingWorx and its database in one region. Clusters with unknown regions are among the findings of COL-003."
    >
      {(items) => <Mismatches items={items} />}
    </ListPage>
  );
}

/** So many ways get a map of their own; the worst come first. */
const closeUps = 6;

function Mismatches({ items }: { items: RegionMismatch[] }) {
  const [active, setActive] = useState<string | null>(null);
  const [zoom, setZoom] = useState<"world" | "mismatches">("world");
  const drawn = useMemo(() => ways(items), [items]);
  const off = useMemo(() => unplaced(items), [items]);
  const { ref, width } = useElementSize();
  return (
    <div className="map-and-list">
      <Stack gap="xs" className="map">
        <SegmentedControl
          w="fit-content"
          aria-label="What the map shows"
          value={zoom}
          onChange={(v) => setZoom(v as typeof zoom)}
          data={[
            { value: "world", label: "World" },
            { value: "mismatches", label: "Mismatches" },
          ]}
          className="no-print"
        />
        <figure style={{ margin: 0 }} ref={ref}>
          {zoom === "world" ? (
            <WorldMap ways={drawn} active={active} setActive={setActive} pixels={width || undefined} />
          ) : (
            <CloseUps drawn={drawn} active={active} setActive={setActive} pixels={width} />
          )}
          <figcaption>
            <Legend />
          </figcaption>
        </figure>
        {off.length > 0 && (
          <Text size="sm" style={{ color: "var(--unknown)" }}>
            Not drawn, because the place of a region is not known:{" "}
            {off
              .map((m) => m.id)
              .slice(0, 10)
              .join(", ")}
            {off.length > 10 ? ` and ${off.length - 10} more` : ""}. The list has {off.length === 1 ? "it" : "them"}.
          </Text>
        )}
      </Stack>
      <MismatchTable items={items} active={active} setActive={setActive} />
    </div>
  );
}

interface Pointed {
  active: string | null;
  setActive: (id: string | null) => void;
}

/** One map for each way, near enough that a short way is seen as well as a long one. */
function CloseUps({ drawn, active, setActive, pixels }: { drawn: Way[]; pixels: number } & Pointed) {
  if (drawn.length === 0) {
    return <WorldMap ways={[]} active={null} setActive={setActive} />;
  }
  const columns = drawn.length === 1 || pixels < 560 ? 1 : 2;
  return (
    <>
      <SimpleGrid cols={columns} spacing="xs">
        {drawn.slice(0, closeUps).map((w) => (
          <div key={w.id}>
            <WorldMap
              ways={[w]}
              active={active}
              setActive={setActive}
              view={extent([w.from.at, w.to.at], 48)}
              pixels={pixels > 0 ? pixels / columns : undefined}
              regions
            />
          </div>
        ))}
      </SimpleGrid>
      {drawn.length > closeUps && (
        <Text size="sm" mt={4}>
          The worst {closeUps} of {drawn.length} ways; a filter brings up others.
        </Text>
      )}
    </>
  );
}

function MismatchTable({ items, active, setActive }: { items: RegionMismatch[] } & Pointed) {
  return (
    <Table verticalSpacing={6} fz="sm" className="sticky">
      <Head
        columns={[{ name: "Cluster", w: "24%" }, "From ThingWorx to its database", { name: "Severity", w: "14%" }]}
      />
      <Table.Tbody>
        {items.map((m) => (
          <MismatchTr key={m.id} m={m} active={active === m.id} setActive={setActive} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

const MismatchTr = memo(function MismatchTr(p: {
  m: RegionMismatch;
  active: boolean;
  setActive: Pointed["setActive"];
}) {
  const { m, setActive } = p;
  const [advice, why] = split(m.advice);
  return (
    <Table.Tr
      data-mismatch={m.id}
      className="top"
      bg={p.active ? "var(--mantine-color-default-hover)" : undefined}
      onMouseEnter={() => setActive(m.id)}
      onMouseLeave={() => setActive(null)}
      onFocus={() => setActive(m.id)}
      onBlur={() => setActive(null)}
    >
      <Table.Th scope="row">
        <Link to="/sites/$site" params={{ site: m.site }} hash={`cluster-${m.cluster}`}>
          {m.siteName}
        </Link>
        <span className="sub">
          {m.id}
          {m.environment ? `, ${m.environment}` : ""}
        </span>
      </Table.Th>
      <Table.Td>
        {m.thingworx.map((t) => t.name).join(", ") || "unknown"} → {m.database?.name ?? "unknown"}
        <span className="sub">{wayText(m)}</span>
        {advice !== "" && (
          <details>
            <summary>
              <Text span size="xs">
                {advice}
              </Text>
            </summary>
            <Text size="xs">{why}</Text>
          </details>
        )}
      </Table.Td>
      <Table.Td>
        <SeverityBadge severity={m.severity ?? "unknown"} />
        {m.waived && <span className="sub">waived</span>}
      </Table.Td>
    </Table.Tr>
  );
});

/** What to do and, after the colon, why. */
function split(advice: string): [string, string] {
  const cut = advice.indexOf(": ");
  const [what, why] = cut < 0 ? [advice, ""] : [advice.slice(0, cut), advice.slice(cut + 2)];
  return [what.charAt(0).toUpperCase() + what.slice(1), why];
}
