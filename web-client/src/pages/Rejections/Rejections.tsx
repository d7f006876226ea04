import { Button, List, Stack, Table, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { rejectionsQuery } from "../../api/fleet";
import { Head } from "../../components/Head";
import { LoadingRows } from "../../components/ListPage";
import { ProblemView } from "../../components/ProblemView";
import { Time } from "../../components/Time";
import { useTitle } from "../../components/title";

export function Rejections() {
  useTitle("Rejections");
  const query = useInfiniteQuery(rejectionsQuery);
  const items = query.data?.pages.flatMap((p) => p.items) ?? [];
  return (
    <Stack gap="sm">
      <Title order={1}>Rejections</Title>
      <Text size="sm" c="dimmed">
        Inventories that were refused, with the reason. The last good inventory of the site stays in force.
      </Text>
      {query.isPending && <LoadingRows noun="rejections" />}
      {query.isError && <ProblemView error={query.error} retry={() => query.refetch()} />}
      {query.data && (
        <Text size="sm" role="status">
          <b>{items.length}</b> of <b>{query.data.pages[0]?.total ?? 0}</b> rejections
        </Text>
      )}
      {query.data && items.length === 0 && <Text my="md">No inventory has been refused.</Text>}
      {items.length > 0 && (
        <Table className="sticky" verticalSpacing={6}>
          <Head
            columns={[
              { name: "Site", w: "14%" },
              { name: "When", w: "12%" },
              { name: "Reason", w: "12%" },
              "What is wrong and what to do",
            ]}
          />
          <Table.Tbody>
            {items.map((r) => (
              <Table.Tr key={`${r.site} ${r.sequence}`} className="top">
                <Table.Th scope="row">
                  <Link to="/sites/$site" params={{ site: r.site }}>
                    {r.site}
                  </Link>
                  {r.revision && <span className="sub">{r.revision}</span>}
                </Table.Th>
                <Table.Td>
                  <Time at={r.at} />
                </Table.Td>
                <Table.Td>{r.reason}</Table.Td>
                <Table.Td>
                  {r.detail}
                  {r.problems !== undefined && r.problems.length > 0 && (
                    <List size="sm">
                      {r.problems.map((p) => (
                        <List.Item key={`${p.path ?? ""} ${p.line ?? ""} ${p.what}`}>
                          {[p.path, p.line && `line ${p.line}`].filter(Boolean).join(", ")}
                          {p.path || p.line ? ": " : ""}
                          {p.what}
                          {p.remedy ? `; ${p.remedy}` : ""}
                        </List.Item>
                      ))}
                    </List>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {query.hasNextPage && (
        <Button variant="default" loading={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
          Show more
        </Button>
      )}
    </Stack>
  );
}
