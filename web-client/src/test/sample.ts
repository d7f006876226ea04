// A small federation for the tests: Munich with a region mismatch, Pune of which little is known.
import type { Schemas } from "../api/client";
import type { ClusterDetail, ClusterRow, Finding, FindingCounts, RegionMismatch, SiteRow } from "../api/fleet";
import type { Me } from "../api/session";

export const counts = (c: Partial<FindingCounts> = {}): FindingCounts => ({
  fail: 0,
  critical: 0,
  high: 0,
  medium: 0,
  low: 0,
  info: 0,
  unknown: 0,
  waived: 0,
  ...c,
});

export const coverage: Schemas["Coverage"] = { sites: 2, fresh: 1, stale: 1, factsKnown: 45, factsNeeded: 60 };

export const page = <T>(items: T[], more: Partial<{ next: string; total: number }> = {}) => ({
  items,
  next: "",
  total: items.length,
  coverage,
  ...more,
});

export const me: Me = {
  id: "ada",
  name: "Ada",
  role: "auditor",
  sites: [],
  allSites: true,
  csrfToken: "csrf-1",
  expires: "2026-11-24T08:00:00Z",
};

export const site = (s: Partial<SiteRow> = {}): SiteRow => ({
  id: "muc-01",
  entered: { live: "2026-11-20T08:00:00Z" },
  name: "Munich",
  country: "DE",
  role: "spoke",
  hub: "hq-01",
  liveness: "live",
  observedAt: "2026-11-20T08:00:00Z",
  acceptedAt: "2026-11-20T08:00:01Z",
  heardAt: "2026-11-20T08:00:01Z",
  revision: "20261120T080000.000Z-abc",
  clusters: 1,
  severity: "critical",
  findings: counts({ fail: 3, critical: 1, medium: 2 }),
  verdicts: { pass: 40, fail: 3, unknown: 0, notApplicable: 10 },
  regionMatch: false,
  coverage: { ...coverage, sites: 1, fresh: 1, stale: 0 },
  ...s,
});

export const pune = site({
  id: "pnq-07",
  name: "Pune",
  country: "IN",
  severity: null,
  findings: counts({ unknown: 6 }),
  regionMatch: null,
  liveness: "stale",
});

export const finding = (f: Partial<Finding> = {}): Finding => ({
  id: "f1",
  rule: "COL-001",
  title: "ThingWorx and its database are in different regions",
  verdict: "fail",
  severity: "critical",
  confidence: "official",
  subject: { site: "muc-01", cluster: "prod", infrastructure: "muc-01/pg-1" },
  message: "Foundation runs in westeurope, its database in northeurope.",
  evidence: { distanceKm: 756, foundationRegions: ["westeurope"] },
  remedy: "Move the database.",
  reference: "Help center",
  firstSeen: "2026-11-18T08:00:00Z",
  failingSince: "2026-11-19T08:00:00Z",
  waiver: null,
  ...f,
});

export const westEurope: Schemas["RegionPoint"] = {
  provider: "azure",
  region: "westeurope",
  name: "West Europe",
  latitude: 52.37,
  longitude: 4.9,
};
export const northEurope: Schemas["RegionPoint"] = {
  provider: "azure",
  region: "northeurope",
  name: "North Europe",
  latitude: 53.35,
  longitude: -6.26,
};
export const cellar: Schemas["RegionPoint"] = {
  provider: "on-premise",
  region: "cellar",
  name: "cellar",
  latitude: null,
  longitude: null,
};

export const mismatch = (m: Partial<RegionMismatch> = {}): RegionMismatch => ({
  id: "muc-01/prod",
  site: "muc-01",
  siteName: "Munich",
  cluster: "prod",
  thingworx: [westEurope],
  database: northEurope,
  infrastructure: "muc-01/pg-1",
  roundTrip: { p95: "20ms", source: "published", measured: "22ms" },
  distanceKm: 756,
  severity: "critical",
  verdict: "fail",
  finding: "f1",
  failingSince: "2026-11-19T08:00:00Z",
  waived: false,
  advice: "move database to westeurope: one resource moves.",
  liveness: "live",
  observedAt: "2026-11-20T08:00:00Z",
  ...m,
});

export const cluster = (c: Partial<ClusterRow> = {}): ClusterRow => ({
  id: "muc-01/prod",
  site: "muc-01",
  siteName: "Munich",
  cluster: "prod",
  environment: "production",
  thingworxVersion: "9.6.2",
  architecture: "basic-production",
  overlays: [],
  distance: 0.12,
  recommended: "ha-cluster",
  regions: { thingworx: ["westeurope"], database: "northeurope", match: false, distanceKm: 756 },
  serving: 0.9995,
  downtimePerYear: "4h24m",
  things: 12000,
  wps: 800,
  size: "small",
  severity: "critical",
  findings: counts({ fail: 1, critical: 1 }),
  liveness: "live",
  observedAt: "2026-11-20T08:00:00Z",
  ...c,
});

export const option = (o: Partial<Schemas["Option"]> = {}): Schemas["Option"] => ({
  objective: "cheapest",
  architecture: "ha-cluster",
  components: [
    { kind: "foundation", count: 2, cpu: 8, memoryGiB: 16, region: "westeurope", zone: "1" },
    { kind: "ignite", count: 0, mode: "embedded", sharedOn: "foundation" },
    { kind: "zookeeper", count: 2, sharedOn: "foundation" },
  ],
  availability: { serving: 0.99955, full: 0.99955 },
  costIndex: 1,
  changes: 4,
  assumptions: ["it grows by 20 % a year"],
  migration: [
    { step: 1, do: "Back up everything.", downtime: "0s", rollback: "Nothing to take back.", serving: 0.9995 },
    {
      step: 2,
      do: "Move the database.",
      downtime: "15m",
      rollback: "Point back.",
      precondition: "A general purpose tier.",
      serving: 0.99955,
      assumed: true,
    },
  ],
  ...o,
});

export const assessment = (a: Partial<Schemas["ClusterAssessment"]> = {}): Schemas["ClusterAssessment"] => ({
  id: "muc-01/prod",
  site: "muc-01",
  cluster: "prod",
  recognised: {
    architecture: "basic-production",
    name: "Basic production",
    distance: 0.12,
    missing: [{ kind: "storage", have: 1, need: 2, why: "the storage has no redundancy" }],
    misplaced: [
      { kind: "connection-server", node: "cx-1", why: "shares machine vm-a; each has its own" },
      { kind: "zookeeper", node: "zk1", why: "shares machine vm-a; each has its own" },
      { kind: "zookeeper", node: "zk2", why: "shares machine vm-b; each has its own" },
      { kind: "database", node: "pg-1", why: "is elsewhere" },
    ],
  },
  regions: { thingworx: ["westeurope"], database: "", match: null },
  sizing: {
    things: 0,
    wps: 0,
    requestsPerSecond: 0,
    connectionServers: 0,
    foundationNodes: 0,
    size: "",
    decidedBy: "",
    foundation: { cpu: 0, memoryGiB: 0 },
    database: { cpu: 0, memoryGiB: 0 },
    known: false,
  },
  availability: {
    serving: 1,
    full: 1,
    downtimePerYear: "0s",
    contributions: [],
    known: false,
    unknown: ["zones of foundation"],
  },
  recommendation: {
    architecture: "ha-cluster",
    reasons: ["High availability is required."],
    options: [option(), option({ objective: "fewest-changes", also: ["most-available"], migration: [] })],
    rejected: [{ architecture: "development", because: "it is not for production" }],
    advice: [{ move: "database", to: "westeurope", residency: "allowed", preferred: true, why: "One resource moves." }],
  },
  ...a,
});

export const clusterDetail = (): ClusterDetail => ({
  row: cluster(),
  assessment: assessment(),
  inventory: { id: "prod" },
  infrastructure: [],
  findings: [],
  tenancy: [
    {
      infrastructure: "ber-02/zk",
      aliases: ["muc-01/zk"],
      kind: "zookeeper",
      tenants: ["muc-01/prod", "ber-02/prod"],
      otherTenants: 3,
      regions: [],
    },
  ],
  mismatch: null,
});

export const siteDetail = (s: Partial<SiteRow> = {}): Schemas["SiteDetail"] => ({
  site: site(s),
  clusters: [cluster()],
  sources: [{ name: "azure", status: "failed", detail: "no permission" }],
  mismatches: [],
  rulePack: { version: "1.0.0", hash: "162eeb73318912345" },
  assessedAt: "2026-11-20T08:00:02Z",
});

export const architecture: Schemas["Architecture"] = {
  id: "ha-cluster",
  order: 40,
  title: "High scale and high availability cluster",
  summary: "Many servers.",
  text: "Many servers.",
  production: true,
  highlyAvailable: true,
  clustered: true,
  sources: [],
};

export const rule = (r: Partial<Schemas["Rule"]> = {}): Schemas["Rule"] => ({
  id: "COL-001",
  topic: "colocation",
  title: "ThingWorx and its database are in different regions",
  scope: "infrastructure",
  severity: "high",
  confidence: "official",
  basis: "Stated by the vendor.",
  why: "Every call waits.",
  remedy: "Move the database.",
  reference: "Help center",
  ...r,
});
