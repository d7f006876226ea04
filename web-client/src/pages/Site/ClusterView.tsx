import { Group, List, Paper, SimpleGrid, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import type { Schemas } from "../../api/client";
import { type ClusterDetail, clusterQuery, useArchitectureTitle } from "../../api/fleet";
import { Counts, RegionMatchBadge, Tag } from "../../components/Badges";
import { Head } from "../../components/Head";
import { Meter } from "../../components/Meter";
import { ProblemView } from "../../components/ProblemView";
import { percent, roundTrip } from "../../numbers";
import { Deviations } from "./Deviations";
import { RecommendationView } from "./RecommendationView";

export function ClusterView({ site, cluster }: { site: string; cluster: string }) {
  const query = useQuery(clusterQuery(site, cluster));
  const id = `cluster-${cluster}`;
  const section = useRef<HTMLElement>(null);
  const loaded = query.data !== undefined;
  useEffect(() => {
    // What the address names can be shown only now that it is there.
    if (loaded && window.location.hash === `#${id}`) {
      section.current?.scrollIntoView();
    }
  }, [loaded, id]);
  if (query.isPending) {
    return <Skeleton height={560} aria-label={`Loading cluster ${cluster}`} />;
  }
  if (query.isError) {
    return <ProblemView error={query.error} retry={() => query.refetch()} />;
  }
  return (
    <Paper
      withBorder
      p="md"
      component="section"
      id={id}
      ref={section}
      aria-label={`Cluster ${cluster}`}
      style={{ scrollMarginTop: 60 }}
    >
      <Cluster d={query.data} />
    </Paper>
  );
}

function Cluster({ d }: { d: ClusterDetail }) {
  const a = d.assessment;
  const title = useArchitectureTitle();
  const architecture = a.recognised.name ?? title(a.recognised.architecture);
  return (
    <>
      <Group gap="sm" mb="md">
        <Title order={2}>{d.row.cluster}</Title>
        <Text size="sm" c="dimmed">
          {[
            d.row.environment,
            d.row.thingworxVersion && `ThingWorx ${d.row.thingworxVersion}`,
            d.row.hosting,
            d.row.operatedBy && `operated by ${d.row.operatedBy}`,
          ]
            .filter(Boolean)
            .join(" · ")}
        </Text>
        <Counts counts={d.row.findings} />
      </Group>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }} spacing="lg">
        <Column title="Architecture">
          <Recognised r={a.recognised} name={architecture} title={title} />
        </Column>
        <Column title="Regions">
          <RegionsView r={a.regions} />
        </Column>
        <Column title="Size">
          <SizingView s={a.sizing} />
        </Column>
        <Column title="Availability">
          <AvailabilityView a={a.availability} />
        </Column>
      </SimpleGrid>
      <Deviations r={a.recognised} title={architecture} />
      <TenancyView d={d} />
      <RecommendationView r={a.recommendation} now={a} title={title} />
    </>
  );
}

function Column({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <Title order={3} mb={4}>
        {title}
      </Title>
      <Stack gap={4}>{children}</Stack>
    </div>
  );
}

function Recognised({ r, name, title }: { r: Schemas["Recognised"]; name: string; title: (id: string) => string }) {
  if (r.architecture === "") {
    return <Text size="sm">Unknown: the inventory lists no part to judge by.</Text>;
  }
  return (
    <>
      <Text>
        <b>{name}</b>
      </Text>
      <Text size="sm">{r.distance === 0 ? "A perfect instance" : `Distance ${r.distance.toFixed(2)} of 1`}</Text>
      {r.overlays !== undefined && r.overlays.length > 0 && (
        <span className="tags">
          {r.overlays.map((o) => (
            <Tag key={o}>{title(o)}</Tag>
          ))}
        </span>
      )}
    </>
  );
}

function RegionsView({ r }: { r: Schemas["Regions"] }) {
  return (
    <>
      <div>
        <RegionMatchBadge match={r.match} />
      </div>
      <Text size="sm">ThingWorx in {r.thingworx.length > 0 ? r.thingworx.join(", ") : "an unknown region"}</Text>
      <Text size="sm">Database in {r.database === "" ? "an unknown region" : r.database}</Text>
      {r.roundTrip && (
        <Text size="sm">
          Round trip {roundTrip(r.roundTrip.p95)} (p95, {r.roundTrip.source})
          {r.roundTrip.measured ? `, measured ${roundTrip(r.roundTrip.measured)}` : ""}
        </Text>
      )}
      {r.distanceKm !== undefined && r.distanceKm > 0 && (
        <Text size="sm">{r.distanceKm.toLocaleString("en")} km apart</Text>
      )}
    </>
  );
}

const criteria: Record<string, string> = {
  things: "Things",
  wps: "Writes per second",
  requests: "Requests per second",
};

const hardware = (h: Schemas["Hardware"]): string =>
  [`${h.cpu} vCPU`, `${h.memoryGiB} GiB`, h.storageGiB && `${h.storageGiB.toLocaleString("en")} GiB disk`, h.sku]
    .filter(Boolean)
    .join(", ");

function SizingView({ s }: { s: Schemas["Sizing"] }) {
  if (!s.known) {
    return (
      <Text size="sm" style={{ color: "var(--unknown)" }}>
        Unknown: the inventory gives no workload.
      </Text>
    );
  }
  const number = (n: number) => n.toLocaleString("en", { maximumFractionDigits: 1 });
  return (
    <>
      <Text>
        <b>{s.size}</b>, decided by {(criteria[s.decidedBy] ?? s.decidedBy).toLowerCase()}
        {s.nearThreshold ? ", near the next size" : ""}
      </Text>
      <Text size="sm">
        {number(s.things)} things, {number(s.wps)} writes/s, {number(s.requestsPerSecond)} requests/s
      </Text>
      <Text size="sm">
        Needs {s.foundationNodes} Foundation and {s.connectionServers} connection servers, without spare
      </Text>
      <Text size="xs" c="dimmed">
        Foundation {hardware(s.foundation)}; database {hardware(s.database)}
      </Text>
      {Object.entries(s.headroom ?? {}).map(([k, v]) => (
        <Meter
          key={k}
          words={
            v > 0
              ? `${criteria[k] ?? k}: ${Math.round(v * 100)} % of this size still free`
              : `${criteria[k] ?? k}: nothing of this size free`
          }
          share={1 - v}
        />
      ))}
      <Assumptions list={s.assumptions} />
    </>
  );
}

function AvailabilityView({ a }: { a: Schemas["Availability"] }) {
  const lacks = (a.unknown ?? []).length > 0 && (
    <Text size="sm" style={{ color: "var(--unknown)" }}>
      Not known: {a.unknown?.join(", ")}.
    </Text>
  );
  if (!a.known) {
    return (
      <>
        <Text size="sm" style={{ color: "var(--unknown)" }}>
          Unknown: the inventory does not tell enough.
        </Text>
        {lacks}
      </>
    );
  }
  const shares = a.contributions
    .filter((c) => c.share > 0.0005)
    .sort((x, y) => y.share - x.share)
    .slice(0, 6);
  return (
    <>
      <Text>
        <b>{percent(a.serving)}</b> serving, {a.downtimePerYear} down a year
      </Text>
      {a.full !== a.serving && <Text size="sm">{percent(a.full)} with the time series</Text>}
      {shares.length > 0 && (
        <Text size="xs" c="dimmed">
          Share of the downtime that would vanish if the part never failed:
        </Text>
      )}
      {shares.map((c) => (
        <Meter key={c.part} words={`${c.part} ${(c.share * 100).toFixed(1)} %`} share={c.share} />
      ))}
      {lacks}
      <Assumptions list={a.assumptions} />
    </>
  );
}

export function Assumptions({ list }: { list: string[] | undefined }) {
  return list === undefined || list.length === 0 ? null : (
    <details>
      <summary>
        <Text span size="xs">
          Assumptions ({list.length})
        </Text>
      </summary>
      <List size="xs">
        {list.map((a) => (
          <List.Item key={a}>{a}</List.Item>
        ))}
      </List>
    </details>
  );
}

function TenancyView({ d }: { d: ClusterDetail }) {
  const shared = d.tenancy.filter((t) => t.tenants.length + t.otherTenants > 1);
  if (shared.length === 0) {
    return null;
  }
  return (
    <section aria-label="What it shares with other clusters">
      <Title order={3} mt="lg" mb={4}>
        Shares with other clusters
      </Title>
      <Table fz="sm" verticalSpacing={5}>
        <Head columns={["Infrastructure", "Kind", "Also known as", "Used by", "Regions"]} />
        <Table.Tbody>
          {shared.map((t) => (
            <Table.Tr key={t.infrastructure} className="top">
              <Table.Th scope="row">{t.infrastructure}</Table.Th>
              <Table.Td>{t.kind}</Table.Td>
              <Table.Td>{t.aliases.join(", ") || "no other name"}</Table.Td>
              <Table.Td>
                {t.tenants.map((c, i) => (
                  <span key={c}>
                    {i > 0 && ", "}
                    {c === d.row.id ? (
                      c
                    ) : (
                      <Link to="/sites/$site" params={{ site: c.split("/")[0] ?? c }}>
                        {c}
                      </Link>
                    )}
                  </span>
                ))}
                {t.otherTenants > 0 && ` and ${t.otherTenants} of sites outside your scope`}
              </Table.Td>
              <Table.Td>{t.regions.join(", ") || "unknown"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </section>
  );
}
