/** Steps in the notation of `parseScenario`, by the title of what they show. */
export type Scenarios = Readonly<Record<string, string>>;
