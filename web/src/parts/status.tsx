import type { ComponentChildren } from 'preact';
import { explain, type Loaded } from '../app/service.js';

/** A box shown in place of a view's data while they are not loaded, with the height that the data will have. */
export function LoadState<Data>({
  loaded,
  height,
  children,
}: {
  loaded: Loaded<Data>;
  height?: number;
  children: (data: Data) => ComponentChildren;
}) {
  if (loaded.error !== null) return <ErrorBox error={loaded.error} onRetry={loaded.reload} />;
  if (loaded.data === null) {
    return (
      <div class="loading" style={{ minHeight: `${height ?? 120}px` }} role="status">
        Loading …
      </div>
    );
  }
  return <>{children(loaded.data)}</>;
}

export function ErrorBox({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  return (
    <div class="error" role="alert">
      <p>{explain(error)}</p>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function StatusChip({ status }: { status: string }) {
  return <span class={`chip ${status}`}>{status}</span>;
}
