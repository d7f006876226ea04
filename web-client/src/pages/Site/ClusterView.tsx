import { Badge, Grid, Group, List, Paper, Progress, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Schemas } from "../../api/client";
import { type ClusterDetail, clusterQuery } from "../../api/fleet";
import { Counts, RegionMatchBadge } from "../../components/Badges";
import { ProblemView } from "../../components/ProblemView";
import { RecommendationView } from "./RecommendationView";

export function ClusterView({ site, cluster }: { site: string; cluster: string }) {
  const query = useQuery(clusterQuery(site, cluster));
  if (query.isPending) {
    return <Skeleton height={300} aria-label={`Loading cluster ${cluster}`} />;
  }
  if (query.isError) {
    return <ProblemView error={query.error} retry={() => query.refetch()} />;
  }
  const d = query.data;
  const a = d.assessment;
  return (
    <Paper withBorder p="md" component="section" aria-label={`Cluster ${cluster}`}>
      <Group gap="sm" mb="md">
        <Title order={2}>{cluster}</Title>
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
      <Grid gap="lg">
        <Column title="Architecture">
          <Recognised r={a.recognised} />
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
      </Grid>
      <TenancyView d={d} />
      <RecommendationView r={a.recommendation} now={a} />
    </Paper>
  );
}

function Column({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Grid.Col span={{ base: 12, sm: 6, xl: 3 }}>
      <Title order={3} mb={4}>
        {title}
      </Title>
      <Stack gap={4}>{children}</Stack>
    </Grid.Col>
  );
}

function Recognised({ r }: { r: Schemas["Recognised"] }) {
  if (r.architecture === "") {
    return <Text size="sm">Unknown: the inventory lists no part to judge by.</Text>;
  }
  return (
    <>
      <Text>
        <b>{r.name ?? r.architecture}</b>
      </Text>
      <Text size="sm">
        Distance {r.distance.toFixed(2)} of 1{r.distance === 0 ? ", a perfect instance" : ""}
      </Text>
      {(r.overlays ?? []).map((o) => (
        <Badge key={o} variant="default" tt="none" w="fit-content">
          {o}
        </Badge>
      ))}
      <List size="sm" spacing={2}>
        {(r.missing ?? []).map((m) => (
          <List.Item key={`m${m.kind}`}>
            Missing: {m.kind}, has {m.have}, needs {m.need}
          </List.Item>
        ))}
        {(r.extra ?? []).map((m) => (
          <List.Item key={`e${m.kind}`}>
            More than needed: {m.kind}, has {m.have}, needs {m.need}
          </List.Item>
        ))}
        {(r.misplaced ?? []).map((m) => (
          <List.Item key={`p${m.kind}${m.node ?? ""}${m.why}`}>
            Misplaced: {m.node ?? m.kind}: {m.why}
          </List.Item>
        ))}
      </List>
    </>
  );
}

function RegionsView({ r }: { r: Schemas["Regions"] }) {
  return (
    <>
      <RegionMatchBadge match={r.match} />
      <Text size="sm">ThingWorx in {r.thingworx.length > 0 ? r.thingworx.join(", ") : "an unknown region"}</Text>
      <Text size="sm">Database in {r.database === "" ? "an unknown region" : r.database}</Text>
      {r.roundTrip && (
        <Text size="sm">
          Round trip {r.roundTrip.p95} (p95, {r.roundTrip.source})
          {r.roundTrip.measured ? `, measured ${r.roundTrip.measured}` : ""}
        </Text>
      )}
      {r.distanceKm !== undefined && <Text size="sm">{r.distanceKm.toLocaleString("en")} km apart</Text>}
    </>
  );
}

const criteria: Record<string, string> = {
  things: "Things",
  wps: "Writes per second",
  requests: "Requests per second",
};

function SizingView({ s }: { s: Schemas["Sizing"] }) {
  if (!s.known) {
    return <Text size="sm">Unknown: the inventory gives no workload.</Text>;
  }
  return (
    <>
      <Text>
        <b>{s.size}</b>, decided by {(criteria[s.decidedBy] ?? s.decidedBy).toLowerCase()}
      </Text>
      <Text size="sm">
        {s.things.toLocaleString("en")} things, {s.wps.toLocaleString("en", { maximumFractionDigits: 1 })} writes/s,{" "}
        {s.requestsPerSecond.toLocaleString("en", { maximumFractionDigits: 1 })} requests/s
      </Text>
      <Text size="sm">
        Needs {s.foundationNodes} Foundation and {s.connectionServers} connection servers, without spare
      </Text>
      {Object.entries(s.headroom ?? {}).map(([k, v]) => (
        <div key={k}>
          <Text size="xs">
            {criteria[k] ?? k}: {Math.round(v * 100)} % of this size still free
          </Text>
          <Progress
            value={100 - v * 100}
            size="sm"
            aria-label={`${criteria[k] ?? k}: ${Math.round(100 - v * 100)} % used`}
          />
        </div>
      ))}
    </>
  );
}

export const percent = (p: number): string => `${(p * 100).toFixed(p > 0.9999 ? 5 : p > 0.99 ? 3 : 2)} %`;

function AvailabilityView({ a }: { a: Schemas["Availability"] }) {
  return (
    <>
      <Text>
        <b>{percent(a.serving)}</b> serving, {a.downtimePerYear} down a year
      </Text>
      {a.full !== a.serving && <Text size="sm">{percent(a.full)} with the time series</Text>}
      <Text size="xs" c="dimmed">
        Share of the downtime that would vanish if the part never failed:
      </Text>
      {[...a.contributions]
        .filter((c) => c.share > 0.0005)
        .sort((x, y) => y.share - x.share)
        .slice(0, 8)
        .map((c) => (
          <div key={c.part}>
            <Text size="xs">
              {c.part} {(c.share * 100).toFixed(1)} %
            </Text>
            <Progress value={c.share * 100} size="sm" aria-label={`${c.part}: ${(c.share * 100).toFixed(1)} %`} />
          </div>
        ))}
    </>
  );
}

function TenancyView({ d }: { d: ClusterDetail }) {
  const shared = d.tenancy.filter((t) => t.tenants.length + t.otherTenants > 1);
  if (shared.length === 0) {
    return null;
  }
  return (
    <Stack gap={4} mt="md">
      <Title order={3}>Shares with other clusters</Title>
      <Table fz="sm" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Infrastructure</Table.Th>
            <Table.Th scope="col">Kind</Table.Th>
            <Table.Th scope="col">Also known as</Table.Th>
            <Table.Th scope="col">Tenants</Table.Th>
            <Table.Th scope="col">Regions</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {shared.map((t) => (
            <Table.Tr key={t.infrastructure}>
              <Table.Th scope="row">{t.infrastructure}</Table.Th>
              <Table.Td>{t.kind}</Table.Td>
              <Table.Td>{t.aliases.join(", ") || "no other name"}</Table.Td>
              <Table.Td>
                {t.tenants.join(", ")}
                {t.otherTenants > 0 ? ` and ${t.otherTenants} of other sites` : ""}
              </Table.Td>
              <Table.Td>{t.regions.join(", ") || "unknown"}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}
