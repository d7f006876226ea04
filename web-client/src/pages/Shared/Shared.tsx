import { Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type Tenancy, tenancyQuery } from "../../api/fleet";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";

const route = getRouteApi("/infrastructure");

const presets: Preset[] = [
  { label: "ZooKeeper", filter: "kind=zookeeper" },
  { label: "Database", filter: "kind=database" },
  { label: "Storage", filter: "kind=storage" },
  { label: "More than 3 clusters", filter: "tenants>3" },
];

export function SharedInfrastructure() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(tenancyQuery(state));
  return (
    <ListPage<Tenancy>
      title="Shared infrastructure"
      collection="tenancy"
      noun="infrastructures"
      description="What several clusters use together, under whatever name each site knows it: these clusters go down together with it."
      presets={presets}
      example="kind=zookeeper and site=ber-02"
      state={state}
      setState={(search) => navigate({ search })}
      query={query}
      empty="No two clusters use the same infrastructure, as far as the inventories tell."
    >
      {(items) => (
        <Table className="sticky" verticalSpacing={6}>
          <Head
            columns={[
              "Infrastructure",
              "Kind",
              "Also known as",
              { name: "Clusters", className: "numeric" },
              "Used by",
              "Regions",
            ]}
          />
          <Table.Tbody>
            {items.map((t) => (
              <Table.Tr key={t.infrastructure} className="top" data-infrastructure={t.infrastructure}>
                <Table.Th scope="row">{t.infrastructure}</Table.Th>
                <Table.Td>{t.kind}</Table.Td>
                <Table.Td>{t.aliases.join(", ") || "no other name"}</Table.Td>
                <Table.Td className="numeric">{t.tenants.length + t.otherTenants}</Table.Td>
                <Table.Td>
                  {t.tenants.map((c, i) => (
                    <span key={c}>
                      {i > 0 && ", "}
                      <Link to="/sites/$site" params={{ site: c.split("/")[0] ?? c }}>
                        {c}
                      </Link>
                    </span>
                  ))}
                  {t.otherTenants > 0 && (
                    <span className="sub">
                      {t.tenants.length > 0 ? "and " : ""}
                      {t.otherTenants} of sites outside your scope
                    </span>
                  )}
                </Table.Td>
                <Table.Td>{t.regions.join(", ") || "unknown"}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </ListPage>
  );
}
