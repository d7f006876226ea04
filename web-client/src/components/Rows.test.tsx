import { render } from "@testing-library/react";
import { expect, test } from "vitest";
import { type RowProps, Rows } from "./Rows";

const Row = ({ item }: RowProps<number>) => (
  <tr data-row>
    <td>{item}</td>
  </tr>
);

const table = (count: number) => {
  const items = Array.from({ length: count }, (_, i) => i);
  const { container } = render(
    <table>
      <Rows items={items} id={String} row={Row} columns={1} height={50} />
    </table>,
  );
  const rows = () => [...container.querySelectorAll("tr[data-row]")].map((r) => Number(r.textContent));
  const spaces = () =>
    [...container.querySelectorAll<HTMLElement>("tr:not([data-row]) td")].map((s) =>
      Number.parseInt(s.style.height, 10),
    );
  return { rows, spaces };
};

test("a short list is all there", () => {
  const { rows, spaces } = table(100);
  expect(rows()).toHaveLength(100);
  expect(spaces()).toEqual([]);
});

test("of a long list only the rows near the window exist, and the others take their room", () => {
  const { rows, spaces } = table(10_000);
  const near = Math.ceil(window.innerHeight / 50);
  expect(rows()[0]).toBe(0);
  expect(rows().length).toBeGreaterThanOrEqual(near);
  expect(rows().length).toBeLessThan(near + 20);
  expect(spaces()).toEqual([(10_000 - rows().length) * 50]);
});

test("a long list is printed as a whole", () => {
  const { rows } = table(300);
  expect(rows().length).toBeLessThan(100);
  window.dispatchEvent(new Event("beforeprint"));
  expect(rows()).toHaveLength(300);
  window.dispatchEvent(new Event("afterprint"));
});
