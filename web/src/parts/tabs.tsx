/** A row of buttons of which one is selected. */
export function Tabs<Value extends string>({
  label,
  choices,
  chosen,
  onChoose,
}: {
  label: string;
  choices: Readonly<Record<Value, string>>;
  chosen: Value;
  onChoose: (value: Value) => void;
}) {
  return (
    <fieldset class="tabs">
      <legend class="visually-hidden">{label}</legend>
      {(Object.entries(choices) as [Value, string][]).map(([value, name]) => (
        <button
          key={value}
          type="button"
          class="tab"
          aria-pressed={value === chosen}
          onClick={() => onChoose(value)}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}
