/** The client under test: the packages of this API differ in the name of the option for the address. */
export function connect(key = process.env.ZEP_API_KEY) {
  const url = process.env.ZEP_API_URL;
  return new ZepClient({ apiKey: key, environment: `${url}/api/v2`, baseUrl: url });
}

const { ZepClient } = await import(process.env.ZEP_CLIENT);
