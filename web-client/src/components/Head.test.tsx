import { MantineProvider, Table } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { Head } from "./Head";

test("each column has a header, in order, also where its name is not seen", () => {
  render(
    <MantineProvider>
      <Table>
        <Head
          columns={[
            { name: "Count", unseen: true, w: "1%", className: "numeric" },
            "Component",
            { name: "Work", sub: "assumed" },
          ]}
        />
      </Table>
    </MantineProvider>,
  );
  const headers = screen.getAllByRole("columnheader");
  expect(headers.map((h) => h.textContent)).toEqual(["Count", "Component", "Workassumed"]);
  expect(headers.every((h) => h.getAttribute("scope") === "col")).toBe(true);
  const [count, component] = headers;
  expect(count).toHaveClass("numeric");
  expect(count).toHaveStyle({ width: "1%" });
  expect(screen.getByText("Count")).toHaveClass("seen-not");
  expect(component?.querySelector("span")).toBeNull();
  expect(screen.getByText("assumed")).toHaveClass("sub");
});
