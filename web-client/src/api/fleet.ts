import { infiniteQueryOptions, keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "./client";

export type SiteRow = Schemas["SiteRow"];
export type ClusterRow = Schemas["ClusterRow"];
export type ClusterDetail = Schemas["ClusterDetail"];
export type Finding = Schemas["Finding"];
export type RegionMismatch = Schemas["RegionMismatch"];
export type Tenancy = Schemas["Tenancy"];
export type Coverage = Schemas["Coverage"];
export type FindingCounts = Schemas["FindingCounts"];

/** What a list is narrowed to. It lives in the address, so that a link shows the same list. */
export interface ListState {
  filter?: string;
  sort?: "severity";
}

/** Key of everything that changes when the federation changes; one call makes all of it be read again. */
export const fleetKey = "fleet";

/** The first page is short, so that it is there at once; whoever asks for more gets much more. */
const limit = (cursor: string) => (cursor === "" ? 200 : 1000);

interface Page {
  next: string;
}

const pages = {
  initialPageParam: "",
  getNextPageParam: (last: Page) => (last.next === "" ? undefined : last.next),
  placeholderData: keepPreviousData,
};

export const sitesQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "sites", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/sites", { params: { query: { ...s, limit: limit(pageParam), cursor: pageParam } } })),
    ...pages,
  });

export const findingsQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "findings", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/findings", { params: { query: { ...s, limit: limit(pageParam), cursor: pageParam } } })),
    ...pages,
  });

export const mismatchesQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "region-mismatches", s],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/region-mismatches", { params: { query: { ...s, limit: limit(pageParam), cursor: pageParam } } }),
      ),
    ...pages,
  });

export const clustersQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "clusters", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/clusters", { params: { query: { ...s, limit: limit(pageParam), cursor: pageParam } } })),
    ...pages,
  });

export const tenancyQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "tenancy", s],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/tenancy", { params: { query: { filter: s.filter, limit: limit(pageParam), cursor: pageParam } } }),
      ),
    ...pages,
  });

export const rejectionsQuery = infiniteQueryOptions({
  queryKey: [fleetKey, "rejections"],
  queryFn: ({ pageParam }) =>
    unwrap(api.GET("/rejections", { params: { query: { limit: limit(pageParam), cursor: pageParam } } })),
  ...pages,
});

export const siteQuery = (site: string) =>
  queryOptions({
    queryKey: [fleetKey, "site", site],
    queryFn: () => unwrap(api.GET("/sites/{site}", { params: { path: { site } } })),
  });

export const clusterQuery = (site: string, cluster: string) =>
  queryOptions({
    queryKey: [fleetKey, "cluster", site, cluster],
    queryFn: () => unwrap(api.GET("/clusters/{site}/{cluster}", { params: { path: { site, cluster } } })),
  });

export const siteFindingsQuery = (site: string) =>
  queryOptions({
    queryKey: [fleetKey, "site-findings", site],
    queryFn: () =>
      unwrap(api.GET("/findings", { params: { query: { filter: `site=${site}`, sort: "severity", limit: 1000 } } })),
  });

export const architecturesQuery = queryOptions({
  queryKey: ["architectures"],
  queryFn: () => unwrap(api.GET("/architectures", { params: { query: { limit: 1000 } } })),
  staleTime: Number.POSITIVE_INFINITY,
});

/** The title of a reference architecture by its id; the id until the titles are known. */
export function useArchitectureTitle(): (id: string) => string {
  const { data } = useQuery(architecturesQuery);
  return (id) => data?.items.find((a) => a.id === id)?.title ?? id;
}

export const rulesQuery = queryOptions({
  queryKey: ["rules"],
  queryFn: () => unwrap(api.GET("/rules", { params: { query: { limit: 1000 } } })),
});
