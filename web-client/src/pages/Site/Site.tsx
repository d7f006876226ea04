import { Alert, Group, Paper, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { siteFindingsQuery, siteQuery } from "../../api/fleet";
import { Counts, LivenessBadge, RegionMatchBadge } from "../../components/Badges";
import { FindingTable } from "../../components/FindingTable";
import { CoverageText } from "../../components/ListPage";
import { ProblemView } from "../../components/ProblemView";
import { Time } from "../../components/Time";
import { ClusterView } from "./ClusterView";

const route = getRouteApi("/sites/$site");

export function Site() {
  const { site } = route.useParams();
  const query = useQuery(siteQuery(site));
  if (query.isPending) {
    return <Skeleton height={400} aria-label="Loading the site" />;
  }
  if (query.isError) {
    return <ProblemView error={query.error} retry={() => query.refetch()} />;
  }
  const { site: row, clusters, sources, rulePack, assessedAt } = query.data;
  return (
    <Stack>
      <Group gap="sm" align="baseline">
        <Title order={1}>{row.name}</Title>
        <Text c="dimmed">{row.id}</Text>
        <LivenessBadge liveness={row.liveness} />
        <RegionMatchBadge match={row.regionMatch} />
        <Counts counts={row.findings} />
      </Group>
      {row.liveness !== "live" && (
        <Alert color="orange" title="This is the last that is known" variant="light">
          The site was last heard of <Time at={row.heardAt} />. Its verdicts stand until it speaks again.
        </Alert>
      )}
      <Table layout="auto" variant="vertical" w="fit-content" fz="sm">
        <Table.Tbody>
          <Fact name="Country">{row.country ?? "unknown"}</Fact>
          <Fact name="Role">
            {row.role ?? "stands alone"}
            {row.hub && (
              <>
                {" of "}
                <Link to="/sites/$site" params={{ site: row.hub }}>
                  {row.hub}
                </Link>
              </>
            )}
          </Fact>
          <Fact name="Observed">
            <Time at={row.observedAt} />
          </Fact>
          <Fact name="Accepted">
            <Time at={row.acceptedAt} />, revision {row.revision}
          </Fact>
          <Fact name="Judged">
            <Time at={assessedAt} /> by rule pack {rulePack.version} ({rulePack.hash.slice(0, 12)})
          </Fact>
          <Fact name="Coverage">
            <CoverageText coverage={row.coverage} />
          </Fact>
          <Fact name="Sources">
            {sources.length === 0
              ? "none reported"
              : sources.map((s) => `${s.name} ${s.status}${s.detail ? ` (${s.detail})` : ""}`).join("; ")}
          </Fact>
        </Table.Tbody>
      </Table>
      {clusters.map((c) => (
        <ClusterView key={c.id} site={site} cluster={c.cluster} />
      ))}
      <SiteFindings site={site} />
    </Stack>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th scope="row">{name}</Table.Th>
      <Table.Td>{children}</Table.Td>
    </Table.Tr>
  );
}

function SiteFindings({ site }: { site: string }) {
  const query = useQuery(siteFindingsQuery(site));
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="findings">
      <Title order={2} id="findings" mb="sm">
        Findings
      </Title>
      {query.isPending && <Skeleton height={200} aria-label="Loading the findings" />}
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.data &&
        (query.data.items.length === 0 ? (
          <Text>No finding fails, and none is unknown.</Text>
        ) : (
          <>
            <Text size="sm" mb="xs">
              {query.data.items.length} of {query.data.total} findings, worst first.
            </Text>
            <FindingTable findings={query.data.items} />
          </>
        ))}
    </Paper>
  );
}
