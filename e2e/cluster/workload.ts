/** Ports of the echo workload (echo.ts). */
export const ECHO = { http: 8080, tcp: 8081, udp: 8082 } as const;
