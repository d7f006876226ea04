import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRouter, RouterProvider } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import { vi } from "vitest";
import { newQueries } from "../queries";
import { routeTree } from "../routes";
import { theme } from "../theme";
import * as sample from "./sample";

/** What the server answers: JSON for a path below /api/v1, or a function of the address. */
export type Answers = Record<string, unknown | ((url: URL, request: Request) => Response | unknown)>;

export const problem = (status: number, more: object = {}): Response =>
  new Response(JSON.stringify({ type: "about:blank", title: "Problem", status, ...more }), {
    status,
    headers: { "Content-Type": "application/problem+json" },
  });

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
}

/** Stands for the server; returns what it was asked. */
export function serve(answers: Answers): Asked[] {
  const asked: Asked[] = [];
  const all: Answers = { "/me": sample.me, "/architectures": sample.page([sample.architecture]), ...answers };
  vi.stubGlobal(
    "fetch",
    vi.fn(async (input: Request | string, init?: RequestInit) => {
      const request = input instanceof Request ? input : new Request(new URL(input, "http://meridian.test"), init);
      const url = new URL(request.url);
      const path = url.pathname.replace("/api/v1", "");
      asked.push({ method: request.method, path, query: url.searchParams, headers: request.headers });
      const key = `${request.method} ${path}` in all ? `${request.method} ${path}` : path;
      if (!(key in all)) {
        return problem(404, { title: "Not Found", detail: `nothing stands for ${key}` });
      }
      const answer = all[key];
      const value: unknown = typeof answer === "function" ? await answer(url, request) : answer;
      return value instanceof Response
        ? value.clone()
        : new Response(JSON.stringify(value), { headers: { "Content-Type": "application/json" } });
    }),
  );
  return asked;
}

/** The server's event stream as the browser sees it. */
export class Events extends EventTarget {
  static last: Events | undefined;
  static readonly CLOSED = 2;
  readyState = 1;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  constructor(readonly url: string) {
    super();
    Events.last = this;
  }
  close() {
    this.readyState = 2;
  }
}

/** The whole client at an address, as a person would open it. */
export function open(path: string) {
  vi.stubGlobal("EventSource", Events);
  const router = createRouter({ routeTree, history: createMemoryHistory({ initialEntries: [path] }) });
  const view = render(
    <MantineProvider theme={theme} env="test">
      <QueryClientProvider client={newQueries()}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { ...view, router };
}

/** One component alone. */
export function show(node: ReactNode) {
  return render(
    <MantineProvider theme={theme} env="test">
      {node}
    </MantineProvider>,
  );
}
