import { Button, List, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { rejectionsQuery } from "../../api/fleet";
import { ProblemView } from "../../components/ProblemView";
import { Time } from "../../components/Time";

export function Rejections() {
  const query = useInfiniteQuery(rejectionsQuery);
  if (query.isPending) {
    return <Skeleton height={300} aria-label="Loading the rejections" />;
  }
  if (query.isError) {
    return <ProblemView error={query.error} retry={() => query.refetch()} />;
  }
  const items = query.data.pages.flatMap((p) => p.items);
  return (
    <Stack gap="sm">
      <Title order={1}>Rejections</Title>
      <Text size="sm" c="dimmed">
        Inventories that were refused, with the reason. The last good inventory of the site stays in force.
      </Text>
      <Text size="sm" role="status">
        {items.length} of {query.data.pages[0]?.total ?? 0} rejections
      </Text>
      {items.length === 0 ? (
        <Text>No inventory has been refused.</Text>
      ) : (
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Site</Table.Th>
              <Table.Th scope="col">When</Table.Th>
              <Table.Th scope="col">Reason</Table.Th>
              <Table.Th scope="col">What is wrong and what to do</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((r) => (
              <Table.Tr key={`${r.site} ${r.sequence}`} style={{ verticalAlign: "top" }}>
                <Table.Th scope="row">{r.site}</Table.Th>
                <Table.Td>
                  <Time at={r.at} />
                </Table.Td>
                <Table.Td>{r.reason}</Table.Td>
                <Table.Td>
                  {r.problems === undefined || r.problems.length === 0 ? (
                    r.detail
                  ) : (
                    <List size="sm">
                      {r.problems.map((p) => (
                        <List.Item key={`${p.path ?? ""} ${p.what}`}>
                          {p.path ? `${p.path}: ` : ""}
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
        <Button variant="default" onClick={() => query.fetchNextPage()}>
          Show more
        </Button>
      )}
    </Stack>
  );
}
