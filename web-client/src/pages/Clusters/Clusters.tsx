import { Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { memo } from "react";
import { type ClusterRow, clustersQuery, useArchitectureTitle } from "../../api/fleet";
import { Counts, LivenessBadge, RegionMatchBadge } from "../../components/Badges";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { type RowProps, Rows } from "../../components/Rows";
import { SiteLink } from "../../components/SiteLink";
import { percent } from "../../numbers";

const route = getRouteApi("/clusters");

const presets: Preset[] = [
  { label: "Production", filter: "environment=production" },
  { label: "Critical", filter: "severity=critical" },
  { label: "Region mismatch", filter: "regionMatch=false" },
  { label: "Far from its architecture", filter: "distance>=0.2" },
  { label: "Below 99.9 %", filter: "serving<0.999" },
  { label: "Beyond the largest size", filter: "size=beyond" },
];

export function Clusters() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(clustersQuery(state));
  return (
    <ListPage<ClusterRow>
      title="Clusters"
      collection="clusters"
      noun="clusters"
      description="What each cluster is and what it should be, how large and how available it is, and what is wrong with it."
      presets={presets}
      example="environment=production and architecture=ha-cluster and serving<0.999"
      order="By id"
      state={state}
      setState={(search) => navigate({ search })}
      query={query}
      empty="No site has sent a cluster yet."
    >
      {(items) => (
        <Table className="sticky" highlightOnHover verticalSpacing={6}>
          <Head
            columns={[
              { name: "Cluster", w: "13%" },
              { name: "Environment", w: "10%", className: "from-md" },
              { name: "Recognised", w: "19%" },
              { name: "Recommended", w: "12%" },
              { name: "Regions", w: "12%" },
              { name: "Size", w: "7%", className: "from-lg" },
              { name: "Serving", sub: "down a year", w: "9%", className: "numeric from-md" },
              "Verdicts",
            ]}
          />
          <Rows items={items} id={(c) => c.id} row={ClusterTr} columns={8} height={66} />
        </Table>
      )}
    </ListPage>
  );
}

const ClusterTr = memo(function ClusterTr({ item: c, measure, index }: RowProps<ClusterRow>) {
  const title = useArchitectureTitle();
  return (
    <tr className="top" data-cluster={c.id} ref={measure} data-index={index}>
      <th scope="row">
        <SiteLink site={c.site} hash={`cluster-${c.cluster}`}>
          {c.siteName} {c.cluster}
        </SiteLink>
        <span className="sub">{c.id}</span>
        {c.liveness !== "live" && <LivenessBadge liveness={c.liveness} />}
      </th>
      <td className="from-md">
        {c.environment ?? "unknown"}
        <span className="sub">{[c.thingworxVersion, c.hosting].filter(Boolean).join(", ")}</span>
      </td>
      <td>
        {c.architecture === "" ? "unknown" : (c.architectureName ?? title(c.architecture))}
        {c.architecture !== "" && (
          <span className="sub">
            {[
              c.distance === 0 ? "a perfect instance" : `distance ${c.distance.toFixed(2)} of 1`,
              ...c.overlays.map(title),
            ].join("; ")}
          </span>
        )}
      </td>
      <td>
        <Recommended c={c} title={title} />
      </td>
      <td>
        <RegionMatchBadge match={c.regions.match} />
        <span className="sub">
          {c.regions.thingworx.join(", ") || "unknown"}
          {c.regions.match !== true && ` → ${c.regions.database || "unknown"}`}
        </span>
      </td>
      <td className="from-lg">
        {c.size === "" ? "unknown" : c.size}
        {c.size !== "" && <span className="sub">{c.things.toLocaleString("en")} things</span>}
      </td>
      <td className="numeric from-md">
        {percent(c.serving)}
        <span className="sub">down {c.downtimePerYear}</span>
      </td>
      <td>
        <Counts counts={c.findings} />
      </td>
    </tr>
  );
});

function Recommended({ c, title }: { c: ClusterRow; title: (id: string) => string }) {
  if (c.recommended === "") {
    return (
      <>
        none<span className="sub">no option meets the objectives</span>
      </>
    );
  }
  return c.recommended === c.architecture ? <>the same</> : <b>{title(c.recommended)}</b>;
}
