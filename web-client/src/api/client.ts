import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];

/** An answer of the server that says what went wrong. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.name = "ProblemError";
    this.problem = problem;
  }
}

let csrfToken = "";

/** The session's token against forged writes; the server asks for it on every write made with the cookie. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token ?? "";
}

export const api = createClient<paths>({ baseUrl: "/api/v1", fetch: (request) => fetch(request) });

api.use({
  onRequest({ request }) {
    if (csrfToken !== "" && request.method !== "GET") {
      request.headers.set("X-CSRF-Token", csrfToken);
    }
    return request;
  },
});

/** Returns the answer's data, or throws the problem: also for a network that does not answer. */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let answer: Awaited<typeof call>;
  try {
    answer = await call;
  } catch (cause) {
    throw new ProblemError({
      type: "about:blank",
      title: "The server does not answer",
      status: 0,
      detail: `The request could not be sent or was cut off (${cause instanceof Error ? cause.message : "unknown cause"}). What is shown may be old.`,
    });
  }
  if (answer.response.ok && answer.data !== undefined) {
    return answer.data;
  }
  throw new ProblemError(asProblem(answer.error, answer.response));
}

function asProblem(error: unknown, response: Response): Problem {
  if (typeof error === "object" && error !== null && "title" in error && "status" in error) {
    return error as Problem;
  }
  return {
    type: "about:blank",
    title: response.statusText || "Unexpected answer",
    status: response.status,
    detail: typeof error === "string" && error !== "" ? error.slice(0, 500) : undefined,
    requestId: response.headers.get("X-Request-Id") ?? undefined,
  };
}
