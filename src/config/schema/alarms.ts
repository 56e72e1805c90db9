import { file, mapping, optional, text } from './fragment.ts'

export const alarms = mapping(
  {
    webhook: text({
      description: 'URL that gets every alarm as JSON, by POST; what fails is repeated for some hours.',
      expects: 'an http or https URL',
      examples: ['https://alerts.example.com/edgeways'],
    }),
    'secret-file': optional(
      file({
        description:
          'A file with a secret that both sides know: each alarm is signed with it (HMAC-SHA-256), so that nobody else can raise one.',
        examples: ['/run/secrets/alarms'],
      }),
    ),
  },
  {
    description: 'Where alarms go beside the log and the metrics, such as those of certificates (docs/certificates.md).',
    examples: [{ webhook: 'https://alerts.example.com/edgeways', 'secret-file': '/run/secrets/alarms' }],
  },
)
