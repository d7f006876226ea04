import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
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

const pageSize = 200;

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
      unwrap(api.GET("/sites", { params: { query: { ...s, limit: pageSize, cursor: pageParam } } })),
    ...pages,
  });

export const findingsQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "findings", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/findings", { params: { query: { ...s, limit: pageSize, cursor: pageParam } } })),
    ...pages,
  });

export const mismatchesQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "region-mismatches", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/region-mismatches", { params: { query: { ...s, limit: pageSize, cursor: pageParam } } })),
    ...pages,
  });

export const clustersQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "clusters", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/clusters", { params: { query: { ...s, limit: pageSize, cursor: pageParam } } })),
    ...pages,
  });

export const tenancyQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "tenancy", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/tenancy", { params: { query: { filter: s.filter, limit: pageSize, cursor: pageParam } } })),
    ...pages,
  });

export const rejectionsQuery = infiniteQueryOptions({
  queryKey: [fleetKey, "rejections"],
  queryFn: ({ pageParam }) =>
    unwrap(api.GET("/rejections", { params: { query: { limit: pageSize, cursor: pageParam } } })),
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

export const rulesQuery = queryOptions({
  queryKey: ["rules"],
  queryFn: () => unwrap(api.GET("/rules", { params: { query: { limit: 1000 } } })),
});
