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
  tenancy: "infrastructure alias kind tenant site region tenants sites",
} as const;
