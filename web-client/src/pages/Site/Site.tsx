import { Alert, Anchor, Breadcrumbs, Button, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useLocation } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import type { Schemas } from "../../api/client";
import { siteFindingsQuery, siteQuery } from "../../api/fleet";
import { Counts, LivenessBadge, RegionMatchBadge, Tag } from "../../components/Badges";
import { countryName } from "../../components/Country";
import { GroupedFindings } from "../../components/FindingTable";
import { CoverageText } from "../../components/ListPage";
import { ProblemView } from "../../components/ProblemView";
import { Time } from "../../components/Time";
import { useTitle } from "../../components/title";
import { ClusterView } from "./ClusterView";

const route = getRouteApi("/sites/$site");

export function Site() {
  const { site } = route.useParams();
  const query = useQuery(siteQuery(site));
  useTitle(query.data ? `${query.data.site.name} (${site})` : site);
  return (
    <Stack>
      <Breadcrumbs component="nav" aria-label="Breadcrumbs" className="no-print" separatorMargin={6}>
        <Anchor size="sm" renderRoot={(props) => <Link to="/" {...props} />}>
          Sites
        </Anchor>
        <Text size="sm" aria-current="page">
          {query.data?.site.name ?? site}
        </Text>
      </Breadcrumbs>
      {query.isPending && <LoadingSite />}
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.data && <SiteView site={site} data={query.data} />}
    </Stack>
  );
}

type Data = Schemas["SiteDetail"];

function SiteView({ site, data }: { site: string; data: Data }) {
  const { site: row, clusters, sources, rulePack, assessedAt } = data;
  const { hash } = useLocation();
  useEffect(() => {
    if (hash !== "") {
      document.getElementById(hash)?.scrollIntoView();
    }
  }, [hash]);
  return (
    <>
      <Group gap="sm" align="center">
        <Title order={1}>{row.name}</Title>
        <Text c="dimmed">{row.id}</Text>
        <LivenessBadge liveness={row.liveness} />
        <RegionMatchBadge match={row.regionMatch} />
        <Counts counts={row.findings} />
        <Button variant="default" size="xs" ml="auto" className="no-print" onClick={() => window.print()}>
          Print
        </Button>
      </Group>
      {row.liveness !== "live" && (
        <Alert color="orange" title="This is the last that is known" variant="light">
          The site was last heard of <Time at={row.heardAt} />. Its verdicts stand until it speaks again.
        </Alert>
      )}
      <dl className="facts">
        <Fact name="Country">{row.country ? countryName(row.country) : "unknown"}</Fact>
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
          <Time at={row.acceptedAt} />
          <span className="sub">revision {row.revision}</span>
        </Fact>
        <Fact name="Judged">
          <Time at={assessedAt} />
          <span className="sub">
            rule pack {rulePack.version} ({rulePack.hash.slice(0, 12)})
          </span>
        </Fact>
        <Fact name="Coverage">
          <CoverageText coverage={row.coverage} />
        </Fact>
        <Fact name="Sources">
          {sources.length === 0
            ? "none reported"
            : sources.map((s) => (
                <span key={s.name} style={{ display: "block" }}>
                  {s.name} {s.status === "ok" ? "ok" : <b style={{ color: "var(--unknown)" }}>{s.status}</b>}
                  {s.detail && <span className="sub">{s.detail}</span>}
                </span>
              ))}
        </Fact>
        {row.tags && Object.keys(row.tags).length > 0 && (
          <Fact name="Tags">
            <span className="tags">
              {Object.entries(row.tags).map(([k, v]) => (
                <Tag key={k}>
                  {k} {v}
                </Tag>
              ))}
            </span>
          </Fact>
        )}
      </dl>
      {clusters.length === 0 && <Text>The inventory lists no cluster.</Text>}
      {clusters.map((c) => (
        <ClusterView key={c.id} site={site} cluster={c.cluster} />
      ))}
      <SiteFindings site={site} />
    </>
  );
}

/** Has the shape of the page to come, so that nothing jumps. */
function LoadingSite() {
  return (
    <div role="status" aria-label="Loading the site">
      <Skeleton height={28} width={420} mb="md" />
      <Skeleton height={92} mb="md" />
      <Skeleton height={560} />
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function SiteFindings({ site }: { site: string }) {
  const query = useQuery(siteFindingsQuery(site));
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="findings">
      <Group justify="space-between" mb="sm">
        <Title order={2} id="findings">
          Findings
        </Title>
        <Anchor
          size="sm"
          className="no-print"
          renderRoot={(props) => (
            <Link to="/findings" search={{ filter: `site=${site}`, sort: "severity" }} {...props} />
          )}
        >
          As a list to filter
        </Anchor>
      </Group>
      {query.isPending && <Skeleton height={200} aria-label="Loading the findings" />}
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.data &&
        (query.data.items.length === 0 ? (
          <Text>No finding fails, and none is unknown.</Text>
        ) : (
          <>
            {query.data.items.length < query.data.total && (
              <Text size="sm" mb="xs">
                The worst {query.data.items.length} of {query.data.total}.
              </Text>
            )}
            <GroupedFindings findings={query.data.items} />
          </>
        ))}
    </Paper>
  );
}
