import { type QueryClient, queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, ProblemError, type Schemas, setCsrfToken, unwrap } from "./client";

export type Me = Schemas["Me"];

/** The token that `meridian up` puts behind the address; it leaves the address bar before anything else happens. */
export function takeTokenFromAddress(): string | null {
  const match = /^#token=([^&]+)$/.exec(window.location.hash);
  if (match?.[1] === undefined) {
    return null;
  }
  window.history.replaceState(null, "", window.location.pathname + window.location.search);
  return decodeURIComponent(match[1]);
}

export async function signIn(token: string): Promise<Me> {
  const me = await unwrap(api.POST("/session", { body: { token } }));
  setCsrfToken(me.csrfToken);
  return me;
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async (): Promise<Me | null> => {
    try {
      const me = await unwrap(api.GET("/me"));
      setCsrfToken(me.csrfToken);
      return me;
    } catch (error) {
      if (error instanceof ProblemError && error.problem.status === 401) {
        return null;
      }
      throw error;
    }
  },
  staleTime: Number.POSITIVE_INFINITY,
});

export const useMe = () => useQuery(meQuery);

export function useSignIn() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: signIn,
    onSuccess: (me) => {
      queries.setQueryData(meQuery.queryKey, me);
      queries.invalidateQueries();
    },
  });
}

/** Nobody is signed in any more: nothing of the federation is kept, and the form for the token is shown. */
export function forget(queries: QueryClient): void {
  queries.setQueryData(meQuery.queryKey, null);
  queries.removeQueries({ predicate: (q) => q.queryKey[0] !== meQuery.queryKey[0] });
}

export function useSignOut() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      await api.DELETE("/session");
    },
    onSettled: () => {
      setCsrfToken(null);
      forget(queries);
    },
  });
}
