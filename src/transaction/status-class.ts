/** The client machines' event for a response that came in. */
export const responseEvent = (status: number): 'response1xx' | 'response2xx' | 'response3xx6xx' =>
  status < 200 ? 'response1xx' : status < 300 ? 'response2xx' : 'response3xx6xx'

/** The server machines' event for a response that the TU sends. */
export const sendEvent = (status: number): 'send1xx' | 'send2xx' | 'send3xx6xx' =>
  status < 200 ? 'send1xx' : status < 300 ? 'send2xx' : 'send3xx6xx'
