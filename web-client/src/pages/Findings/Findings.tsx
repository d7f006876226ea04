import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type Finding, findingsQuery } from "../../api/fleet";
import { FindingTable } from "../../components/FindingTable";
import { ListPage, type Preset } from "../../components/ListPage";

const route = getRouteApi("/findings");

const presets: Preset[] = [
  { label: "Critical", filter: "verdict=fail and severity=critical" },
  { label: "High or worse", filter: "verdict=fail and severity>=high" },
  { label: "Unknown", filter: "verdict=unknown" },
  { label: "Colocation", filter: 'rule~"COL-*"' },
  { label: "Tenancy", filter: 'rule~"TEN-*"' },
  { label: "Waived", filter: "waived=true" },
  { label: "Stated by the vendor", filter: "verdict=fail and confidence=official" },
];

export function Findings() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(findingsQuery(state));
  return (
    <ListPage<Finding>
      title="Findings"
      collection="findings"
      noun="findings"
      description="What fails and what could not be judged, over all sites. A verdict of unknown names the facts it lacks."
      presets={presets}
      example='severity>=high and rule~"COL-*" and site=muc-01'
      order="By site"
      state={state}
      setState={(search) => navigate({ search })}
      query={query}
      empty="No finding fails, and none is unknown."
    >
      {(items) => <FindingTable findings={items} />}
    </ListPage>
  );
}
