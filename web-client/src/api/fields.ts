/** What each list can be filtered by, as the contract's x-filter-fields names it. */
export const fields = {
  sites:
    "site name country role hub liveness observedAt acceptedAt revision clusters severity fail critical high medium low info unknown regionMatch rule region tag.*",
  clusters:
    "id site cluster country environment version hosting operatedBy architecture overlay recommended distance regionMatch region databaseRegion distanceKm serving things wps size severity fail critical high medium low info unknown rule liveness tag.*",
  findings:
    "id rule title verdict severity confidence site cluster infrastructure node message missing firstSeen failingSince waiver waived country tag.*",
  "region-mismatches":
    "id site cluster country environment region databaseRegion infrastructure distanceKm roundTrip severity waived failingSince liveness tag.*",
  waivers:
    "id rule site cluster infrastructure country region state reason owner ticket requestedAt requestedBy decidedBy expires unused expiring",
  audit: "id at by name role act outcome status site target why requestId remote",
  enrolments: "id site state requestedAt requestedBy tokenExpires expires",
  changes: "at change site cluster infrastructure node finding rule verdict severity message waiver",
  diff: "kind change site cluster what before after rule severity",
  webhooks: "id name host template createdBy createdAt disabled",
  "webhooks/{webhook}/dead-letters": "id at kind site status error",
  tokens: "id name role state createdAt createdBy expires",
  tenancy: "infrastructure alias kind tenant site region tenants sites",
} as const;

/** What a site id looks like; the same pattern as in the contract. */
export const siteID = /^[a-z0-9][a-z0-9-]{0,62}$/;
