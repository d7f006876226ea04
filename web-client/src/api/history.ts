import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "./client";
import { fleetKey } from "./fleet";
import { pages } from "./pages";

export type FindingChange = Schemas["FindingChange"];
export type Difference = Schemas["Difference"];
export type Trends = Schemas["Trends"];
export type TrendSeries = Schemas["TrendSeries"];
export type TrendPoint = Schemas["TrendPoint"];

/** Two instants, RFC 3339 in UTC. They live in the address, so that a link shows the same to whoever follows it later. */
export interface Span {
  from?: string;
  to?: string;
}

export interface SpanState extends Span {
  filter?: string;
  site?: string;
}

const second = 1_000;
const day = 86_400 * second;

const utc = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** The last days up to now, whole seconds, both ends fixed. */
export function lastDays(days: number, now = Date.now()): Required<Span> {
  return { from: utc(now - days * day), to: utc(now) };
}

/** What a field for date and time shows of an instant; empty for what is none. */
export function toField(instant: string | undefined): string {
  const ms = Date.parse(instant ?? "");
  return Number.isNaN(ms) ? "" : new Date(ms).toISOString().slice(0, 19);
}

/** The instant that such a field, read as UTC, means; nothing when it is empty or no instant. */
export function fromField(text: string): string | undefined {
  const ms = Date.parse(`${text}Z`);
  return text === "" || Number.isNaN(ms) ? undefined : utc(ms);
}

/** What belongs to the address of a page about a span of time; anything else is left out. */
export function spanState(search: Record<string, unknown>): SpanState {
  const state: SpanState = {};
  for (const name of ["from", "to", "filter", "site"] as const) {
    const value = search[name];
    if (typeof value === "string" && value !== "") {
      state[name] = value;
    }
  }
  return state;
}

const within = (s: SpanState) => ({ from: s.from ?? "", to: s.to, filter: s.filter });

export const changesQuery = (s: SpanState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "changes", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/changes", { params: { query: { ...within(s), limit: 500, cursor: pageParam } } })),
    ...pages,
  });

export const differencesQuery = (s: SpanState) =>
  infiniteQueryOptions({
    queryKey: [fleetKey, "diff", s],
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/diff", { params: { query: { ...within(s), site: s.site, limit: 500, cursor: pageParam } } })),
    ...pages,
  });

export const measures = ["fail", "unknown", "waived", "sites"] as const;
export type Measure = (typeof measures)[number];

export interface TrendState extends Span {
  every?: string;
  /** What is grouped by: nothing, or as the contract has it. */
  by?: string;
  show?: Measure;
  /** Groups that are drawn; the largest when absent. */
  draw?: string[];
}

export function trendState(search: Record<string, unknown>): TrendState {
  const { from, to } = spanState(search);
  const state: TrendState = { ...(from && { from }), ...(to && { to }) };
  for (const name of ["every", "by"] as const) {
    const value = search[name];
    if (typeof value === "string" && value !== "") {
      state[name] = value;
    }
  }
  const show = measures.find((m) => m === search.show);
  if (show && show !== "fail") {
    state.show = show;
  }
  if (Array.isArray(search.draw)) {
    state.draw = search.draw.filter((g): g is string => typeof g === "string");
  }
  return state;
}

export const trendsQuery = (s: TrendState) =>
  queryOptions({
    queryKey: [fleetKey, "trends", s.from, s.to, s.every, s.by],
    queryFn: () =>
      unwrap(api.GET("/trends", { params: { query: { from: s.from ?? "", to: s.to, every: s.every, by: s.by } } })),
    placeholderData: keepPreviousData,
  });
