import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "./client";
import { fleetKey, type ListState } from "./fleet";
import { pages, useWrite } from "./pages";

export type ApiToken = Schemas["ApiToken"];
export type TokenRequest = Schemas["TokenRequest"];
export type TokenScope = Schemas["TokenScope"];

export const tokensQuery = (s: ListState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "tokens", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/tokens", { params: { query: { filter: s.filter, limit: 500, cursor: pageParam } } })),
    ...pages,
  });

export const useCreateToken = () => useWrite((body: TokenRequest) => unwrap(api.POST("/tokens", { body })));

export const useRevokeToken = () =>
  useWrite(({ token, reason }: { token: string; reason: string }) =>
    unwrap(api.POST("/tokens/{token}/revoke", { params: { path: { token } }, body: { reason } })),
  );
