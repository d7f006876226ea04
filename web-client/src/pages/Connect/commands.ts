export interface Wanted {
  site: string;
  nats: string;
  /** Address of this server, for example https://meridian.example. */
  server: string;
  /** Now, in UTC. */
  now: string;
}

export const inventory = (w: Wanted) => `apiVersion: meridian/v1
kind: SiteInventory
observedAt: ${w.now}
site: {id: ${w.site}, name: My plant, country: DE}
clusters:
  - id: prod
    environment: production
    thingworxVersion: "9.6.2"
    hosting: azure
    clusteredMode: false
    components:
      - kind: foundation
        nodes:
          - {name: twx-1, placement: {provider: azure, region: westeurope, zone: "1"}, cpu: 8, memoryGiB: 16}
    uses:
      - {infrastructure: pg, as: database}
infrastructure:
  - {id: pg, kind: database, engine: azure-postgresql-flexible, placement: {provider: azure, region: westeurope}}`;

export const fromAzure = (w: Wanted) => `meridian import --from azure --site ${w.site} exports/ > ${w.site}.yaml`;

export const check = (w: Wanted) => `meridian assess ${w.site}.yaml`;

export const config = (w: Wanted) => `site: ${w.site}
inventory: /etc/meridian-planner/${w.site}.yaml
state: /var/lib/meridian-planner
nats:
  url: ${w.nats}
  credentials: /etc/meridian-planner/${w.site}.creds`;

export const start = `meridian-planner --config /etc/meridian-planner/planner.yaml --check-config
meridian-planner --config /etc/meridian-planner/planner.yaml`;

export const status = "meridian-planner status --config /etc/meridian-planner/planner.yaml";

export const put = (w: Wanted) => `curl --fail-with-body -X PUT ${w.server}/api/v1/sites/${w.site}/inventory \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/yaml" \\
  --data-binary @${w.site}.yaml`;

export const up = (w: Wanted) => `meridian up --import ${w.site}.yaml`;
