import Type from 'typebox'

export const media = Type.Enum(['off'], { description: '`off`: SDP crosses untouched, for every call.', examples: ['off'] })
