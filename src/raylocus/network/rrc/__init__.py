"""Radio resource control: filters, events, cell selection and configuration (TS 38.304, 38.331)."""
