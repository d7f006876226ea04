import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "./client";
import { fleetKey, type ListState } from "./fleet";
import { pages, useWrite } from "./pages";

export type Waiver = Schemas["Waiver"];
export type WaiverRequest = Schemas["WaiverRequest"];
export type PolicyVersion = Schemas["PolicyVersion"];
export type PolicyPreview = Schemas["PolicyPreview"];
export type AuditEntry = Schemas["AuditEntry"];

export const waiversQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "waivers", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/waivers", { params: { query: { filter: s.filter, limit: 200, cursor: pageParam } } })),
    ...pages,
  });

export const policiesQuery = queryOptions({
  queryKey: [fleetKey, "policies"],
  queryFn: () => unwrap(api.GET("/policies", { params: { query: { limit: 1000 } } })),
});

export const previewQuery = (policy: string) =>
  queryOptions({
    queryKey: [fleetKey, "preview", policy],
    queryFn: () => unwrap(api.GET("/policies/{policy}/preview", { params: { path: { policy } } })),
    staleTime: 0,
  });

export const auditQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "audit", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/audit", { params: { query: { filter: s.filter, limit: 200, cursor: pageParam } } })),
    ...pages,
  });

export const useRequestWaiver = () => useWrite((body: WaiverRequest) => unwrap(api.POST("/waivers", { body })));

export type Decision = "approve" | "reject" | "withdraw";

export const useDecide = () =>
  useWrite(({ waiver, decision, why }: { waiver: string; decision: Decision; why: string }) => {
    const params = { path: { waiver } };
    switch (decision) {
      case "approve":
        return unwrap(api.POST("/waivers/{waiver}/approve", { params, body: { note: why } }));
      case "reject":
        return unwrap(api.POST("/waivers/{waiver}/reject", { params, body: { reason: why } }));
      case "withdraw":
        return unwrap(api.POST("/waivers/{waiver}/withdraw", { params, body: { reason: why } }));
    }
  });

export const useActivate = () =>
  useWrite(({ policy, reason }: { policy: string; reason: string }) =>
    unwrap(api.POST("/policies/{policy}/activate", { params: { path: { policy } }, body: { reason } })),
  );
