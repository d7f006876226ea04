import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ComponentType, type Ref, useEffect, useLayoutEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";

export interface RowProps<T> {
  item: T;
  /** Both are to be put on the row's element, so that its height is known; they are apart so that a row that is the same is not drawn anew. */
  measure?: Ref<HTMLTableRowElement>;
  index?: number;
}

interface Props<T> {
  items: T[];
  id: (item: T) => string;
  row: ComponentType<RowProps<T>>;
  columns: number;
  /** Usual height of a row in pixels. */
  height: number;
}

/** Up to this many rows are all put on the page: the browser's own search finds them, and nothing has to be measured. */
const few = 100;

/** The body of a long table. Of many rows only those near the window exist, and all of them while the page is printed. */
export function Rows<T>(p: Props<T>) {
  const printing = usePrinting();
  return p.items.length <= few || printing ? <All {...p} /> : <Near {...p} />;
}

function All<T>({ items, id, row: Row }: Props<T>) {
  return (
    <tbody className="rows">
      {items.map((item) => (
        <Row key={id(item)} item={item} />
      ))}
    </tbody>
  );
}

function Near<T>({ items, id, row: Row, columns, height }: Props<T>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    if (body.current) {
      setMargin(Math.round(body.current.getBoundingClientRect().top + window.scrollY));
    }
  }, []);
  const rows = useWindowVirtualizer({
    count: items.length,
    estimateSize: () => height,
    overscan: 8,
    scrollMargin: margin,
    getItemKey: (i) => {
      const item = items[i];
      return item === undefined ? i : id(item);
    },
  });
  const near = rows.getVirtualItems();
  const first = near[0];
  const last = near[near.length - 1];
  return (
    <tbody ref={body} className="rows">
      <Space columns={columns} height={first ? first.start - margin : 0} />
      {near.map((v) => {
        const item = items[v.index];
        return item !== undefined && <Row key={v.key} item={item} measure={rows.measureElement} index={v.index} />;
      })}
      <Space columns={columns} height={last ? rows.getTotalSize() - (last.end - margin) : 0} />
    </tbody>
  );
}

function Space({ columns, height }: { columns: number; height: number }) {
  return height <= 0 ? null : (
    <tr>
      <td colSpan={columns} style={{ height, padding: 0 }} />
    </tr>
  );
}

function usePrinting(): boolean {
  const [printing, setPrinting] = useState(false);
  useEffect(() => {
    // The browser takes its picture as soon as the handler returns, so the rows must be there by then.
    const begin = () => flushSync(() => setPrinting(true));
    const end = () => setPrinting(false);
    window.addEventListener("beforeprint", begin);
    window.addEventListener("afterprint", end);
    return () => {
      window.removeEventListener("beforeprint", begin);
      window.removeEventListener("afterprint", end);
    };
  }, []);
  return printing;
}
