import { QueryCache, QueryClient } from "@tanstack/react-query";
import { ProblemError } from "./api/client";
import { forget } from "./api/session";

/** The client of all reads. A read that is answered with 401 means that the session has ended. */
export function newQueries(): QueryClient {
  const queries = new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        if (error instanceof ProblemError && error.problem.status === 401) {
          forget(queries);
        }
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        // What the server refused it refuses again; what did not arrive may arrive the next time.
        retry: (count, error) => count < 2 && !(error instanceof ProblemError && error.problem.status !== 0),
      },
    },
  });
  return queries;
}
