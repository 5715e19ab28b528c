import { useEffect, useRef } from 'preact/hooks';
import { enterKey, isKeyNeeded } from './service.js';

/** Asks for an API key when the service answers 401. */
export function KeyDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = isKeyNeeded.value;
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
    else dialog.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={dialog} aria-labelledby="key-title" onClose={() => (isKeyNeeded.value = false)}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          const key = String(new FormData(event.currentTarget).get('key')).trim();
          if (key) enterKey(key);
        }}
      >
        <h2 id="key-title">This service needs a key</h2>
        <p>The operator has set API keys. The key stays in this tab and is sent only to this service.</p>
        <label>
          Key <input name="key" type="password" autocomplete="off" required />
        </label>
        <p class="actions">
          <button type="submit">Use this key</button>
        </p>
      </form>
    </dialog>
  );
}
