import { Table } from "@mantine/core";

export interface Column {
  name: string;
  /** What stands small below the name. */
  sub?: string;
  /** Width; columns without one share what is left. */
  w?: string | number;
  className?: string;
  /** The name is for screen readers only. */
  unseen?: boolean;
}

/** The head of a table: one row of column headers. Names are unique within it; a text is a column with only a name. */
export function Head({ columns }: { columns: readonly (string | Column)[] }) {
  return (
    <Table.Thead>
      <Table.Tr>
        {columns.map((column) => {
          const c: Column = typeof column === "string" ? { name: column } : column;
          return (
            <Table.Th key={c.name} scope="col" w={c.w} className={c.className}>
              {c.unseen ? <span className="seen-not">{c.name}</span> : c.name}
              {c.sub && <span className="sub">{c.sub}</span>}
            </Table.Th>
          );
        })}
      </Table.Tr>
    </Table.Thead>
  );
}
