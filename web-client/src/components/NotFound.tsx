import { Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTitle } from "./title";

export function NotFound() {
  useTitle("No such page");
  return (
    <Stack>
      <Title order={1}>There is no such page</Title>
      <Text>
        Go to the <Link to="/">sites</Link>.
      </Text>
    </Stack>
  );
}
