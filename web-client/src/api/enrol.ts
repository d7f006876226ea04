import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "./client";
import { fleetKey, type ListState } from "./fleet";
import { pages, useWrite } from "./pages";

export type Enrolment = Schemas["Enrolment"];
export type EnrolmentRequest = Schemas["EnrolmentRequest"];

export const enrolmentsQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "enrolments", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/enrolments", { params: { query: { filter: s.filter, limit: 500, cursor: pageParam } } })),
    ...pages,
    // The server's events do not tell that a planner joined.
    refetchInterval: 10_000,
  });

export const useRequestEnrolment = () =>
  useWrite((body: EnrolmentRequest) => unwrap(api.POST("/enrolments", { body })));

export const useApproveEnrolment = () =>
  useWrite((enrolment: string) =>
    unwrap(api.POST("/enrolments/{enrolment}/approve", { params: { path: { enrolment } } })),
  );

export const useRevokeEnrolment = () =>
  useWrite(({ enrolment, reason }: { enrolment: string; reason: string }) =>
    unwrap(api.POST("/enrolments/{enrolment}/revoke", { params: { path: { enrolment } }, body: { reason } })),
  );
