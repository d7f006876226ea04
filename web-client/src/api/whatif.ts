import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "./client";
import { fleetKey } from "./fleet";

export type Change = Schemas["Change"];
export type Simulation = Schemas["Simulation"];
export type SimulatedCluster = Schemas["SimulatedCluster"];
export type FleetPlan = Schemas["FleetPlan"];

/** The set of changes lives in the address: who follows the link sees what they make of the federation then. */
export interface WhatIfState {
  changes?: Change[];
}

const actions = ["move-database", "lose", "merge", "upgrade", "set"] as const;
const texts = ["cluster", "site", "into", "to", "version", "what", "pointer"] as const;

function asChange(given: unknown): Change | undefined {
  if (typeof given !== "object" || given === null) {
    return undefined;
  }
  const from = given as Record<string, unknown>;
  const action = actions.find((a) => a === from.do);
  if (!action) {
    return undefined;
  }
  const change: Change = { do: action };
  for (const name of texts) {
    const text = from[name];
    if (typeof text === "string" && text !== "") {
      change[name] = text;
    } else if (typeof text === "number") {
      // A version such as 9.7 comes out of an address or a file as a number.
      change[name] = String(text);
    }
  }
  if ("value" in from && action === "set") {
    change.value = from.value;
  }
  return change;
}

/** The changes of an address or a file; what is no change is left out. */
export function whatIfState(search: Record<string, unknown>): WhatIfState {
  const changes = Array.isArray(search.changes) ? search.changes.flatMap((c) => asChange(c) ?? []) : [];
  return changes.length === 0 ? {} : { changes };
}

/** The document that `meridian whatif` reads. */
export const whatIfDocument = (changes: Change[]): string =>
  `${JSON.stringify({ apiVersion: "meridian/v1", kind: "WhatIf", changes }, null, 2)}\n`;

/** What the changes would make of the federation. It is judged when it is asked for, and not each time the federation changes. */
export const simulationQuery = (changes: Change[]) =>
  queryOptions({
    queryKey: ["simulation", changes],
    queryFn: () => unwrap(api.POST("/simulations", { body: { changes } })),
    enabled: changes.length > 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });

const some = { limit: 1000 };

/** What can be named in a change: the first thousand of each, offered while typing. */
export const namesQuery = queryOptions({
  queryKey: [fleetKey, "names"],
  queryFn: async () => {
    const [clusters, sites, infrastructure, regions] = await Promise.all([
      unwrap(api.GET("/clusters", { params: { query: some } })),
      unwrap(api.GET("/sites", { params: { query: some } })),
      unwrap(api.GET("/infrastructure", { params: { query: some } })),
      unwrap(api.GET("/regions", { params: { query: some } })),
    ]);
    return {
      cluster: clusters.items.map((c) => c.id),
      site: sites.items.map((s) => s.id),
      infrastructure: infrastructure.items.map((i) => i.infrastructure),
      region: regions.items.map((r) => `${r.provider}/${r.code}`),
    };
  },
  staleTime: 300_000,
});

export const planQuery = queryOptions({
  queryKey: [fleetKey, "plan"],
  queryFn: () => unwrap(api.GET("/plans/fleet")),
});
