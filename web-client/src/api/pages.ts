import { keepPreviousData, useMutation, useQueryClient } from "@tanstack/react-query";
import { fleetKey } from "./fleet";

interface Page {
  next: string;
}

/** How a list is read page by page; what is shown stays until its successor is there. */
export const pages = {
  initialPageParam: "",
  getNextPageParam: (last: Page) => (last.next === "" ? undefined : last.next),
  placeholderData: keepPreviousData,
};

/** A write after which everything of the federation is read again. */
export function useWrite<V, T>(write: (v: V) => Promise<T>) {
  const queries = useQueryClient();
  return useMutation({ mutationFn: write, onSuccess: () => queries.invalidateQueries({ queryKey: [fleetKey] }) });
}
