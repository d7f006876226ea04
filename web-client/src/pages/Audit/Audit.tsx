import { Code, Table } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type AuditEntry, auditQuery } from "../../api/govern";
import { Head } from "../../components/Head";
import { ListPage, type Preset } from "../../components/ListPage";
import { Time } from "../../components/Time";

const route = getRouteApi("/audit");

const presets: Preset[] = [
  { label: "Refused", filter: "outcome=refused" },
  { label: "Waivers", filter: "act~*Waiver" },
  { label: "Policies", filter: "act~*Policy" },
  { label: "Tokens and enrolments", filter: "act~*Token or act~*Enrolment" },
  { label: "Logins that failed", filter: "act=createSession and outcome=refused" },
];

export function Audit() {
  const state = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(auditQuery(state));
  return (
    <ListPage<AuditEntry>
      title="Audit"
      collection="audit"
      noun="writes"
      description="Who wrote what, when and why, newest first. Nothing here can be changed or deleted."
      presets={presets}
      example="site=muc-01 and act~*Waiver"
      state={state}
      setState={(search) => navigate({ search })}
      query={query}
      empty="Nothing has been written yet."
    >
      {(items) => (
        <Table className="sticky" verticalSpacing={6}>
          <Head columns={["When", "Who", "What", "About", "Why, before and after"]} />
          <Table.Tbody>
            {items.map((e) => (
              <Table.Tr key={e.id} className="top">
                <Table.Th scope="row">
                  <Time at={e.at} />
                </Table.Th>
                <Table.Td>
                  {e.name || "nobody"}
                  <span className="sub">{[e.role, e.remote].filter(Boolean).join(", ")}</span>
                </Table.Td>
                <Table.Td className="any">
                  {e.act}
                  <span className="sub">{e.status ? `${e.outcome} (${e.status})` : e.outcome}</span>
                  {e.requestId && <span className="sub">request {e.requestId}</span>}
                </Table.Td>
                <Table.Td className="any">
                  {e.site ? (
                    <Link to="/sites/$site" params={{ site: e.site }}>
                      {e.site}
                    </Link>
                  ) : (
                    "the federation"
                  )}
                  {e.target && e.target !== e.site && <span className="sub">{e.target}</span>}
                </Table.Td>
                <Table.Td className="any">
                  {e.why || "no reason given"}
                  {(e.before !== undefined || e.after !== undefined) && (
                    <details>
                      <summary>Before and after</summary>
                      {e.before !== undefined && <Document label="before" value={e.before} />}
                      {e.after !== undefined && <Document label="after" value={e.after} />}
                    </details>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </ListPage>
  );
}

function Document({ label, value }: { label: string; value: unknown }) {
  return (
    <>
      <span className="sub">{label}</span>
      <Code block tabIndex={0} style={{ maxWidth: 260, whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {JSON.stringify(value, null, 1)}
      </Code>
    </>
  );
}
