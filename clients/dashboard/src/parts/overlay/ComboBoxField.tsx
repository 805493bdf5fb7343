import { ChevronsUpDown, CircleAlert } from "lucide-react";
import {
  Button,
  ComboBox,
  FieldError,
  Input,
  Label,
  ListBox,
  ListBoxItem,
  Popover,
  Text,
} from "react-aria-components";
import type { ComboBoxProps } from "../ComboBox";

/** The combo box itself, apart so that a page without one does not load its library. */
export default function ComboBoxField(props: ComboBoxProps) {
  const { label, hint, error, optional, name, value, onChange, options, onSearch, placeholder } =
    props;
  // What the page found by itself is not filtered once more.
  const list = onSearch ? { items: options } : { defaultItems: options };
  return (
    <ComboBox
      className="field"
      {...list}
      {...(name ? { name } : {})}
      value={value}
      onChange={(id) => onChange(id === null ? null : String(id))}
      {...(onSearch ? { onInputChange: onSearch } : {})}
      menuTrigger="focus"
      allowsEmptyCollection
      isInvalid={Boolean(error)}
    >
      <Label className="label">
        {label}
        {optional && <span className="optional"> optional</span>}
      </Label>
      <div className="input-box">
        <Input
          className="input"
          placeholder={placeholder ?? ""}
          autoComplete="off"
          spellCheck="false"
        />
        <Button className="input-button">
          <ChevronsUpDown size={16} aria-hidden="true" />
        </Button>
      </div>
      {error ? (
        <FieldError className="note note-bad">
          <CircleAlert size={14} aria-hidden="true" />
          <span>{error}</span>
        </FieldError>
      ) : (
        hint && (
          <Text slot="description" className="note">
            {hint}
          </Text>
        )
      )}
      <Popover className="popover popover-list" offset={6}>
        <ListBox
          className="menu"
          renderEmptyState={() => <p className="menu-empty">Nothing matches.</p>}
        >
          {(option: (typeof options)[number]) => (
            <ListBoxItem className="menu-item" textValue={option.label}>
              <span className="menu-lines">
                <Text slot="label" className="cut">
                  {option.label}
                </Text>
                {option.sub && (
                  <Text slot="description" className="menu-why mono">
                    {option.sub}
                  </Text>
                )}
              </span>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}
