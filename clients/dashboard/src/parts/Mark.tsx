/** The mark of the product, 26 px by default: an open ring and what it senses. */
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#006a75" />
      <path
        d="M23.73 13.93A8 8 0 1 1 18.07 8.27"
        fill="none"
        stroke="#fff"
        strokeWidth="3.4"
        strokeLinecap="round"
      />
      <circle cx="21.9" cy="10.1" r="2.2" fill="#7fe3ea" />
    </svg>
  );
}
